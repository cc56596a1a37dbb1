#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the demo's two networks, teacher.onnx and student.onnx, from pictures drawn on the spot.

The teacher learns from labels, the student from the teacher (Hinton, Vinyals, Dean, 2015). Needs
Debian's python3-torch and a C compiler, nothing else. Seeds are fixed; floating point is not the
same on every machine or number of threads: weights, and with them accuracies, differ a little.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
SIDE, CLASSES = 96, 10

# The first seed of each range; README.md says what else is taken.
SEED_VALIDATION = 1_000_000
SEED_TEST = 2_000_000
SEED_TRAINING = 10_000_000

BATCH = 32
TEMPERATURE = 4.0
LABEL_SHARE = 0.1  # of the student's loss; the rest comes from the teacher


class ConvBn(nn.Sequential):
    """Convolution, batch normalisation and, unless act is None, an activation."""

    def __init__(self, c_in, c_out, kernel, stride=1, groups=1, act=nn.ReLU):
        layers = [
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out),
        ]
        super().__init__(*layers, *([act()] if act else []))


class Residual(nn.Module):
    """Adds a block's input to its output where their shapes agree."""

    def __init__(self, body, skip):
        super().__init__()
        self.body = body
        self.skip = skip

    def forward(self, x):
        return x + self.body(x) if self.skip else self.body(x)


def inverted_residual(c_in, c_out, stride, expand):
    """MobileNetV2's block (Sandler et al., 2018)."""
    wide = c_in * expand
    body = nn.Sequential(
        ConvBn(c_in, wide, 1),
        ConvBn(wide, wide, 3, stride, groups=wide),
        ConvBn(wide, c_out, 1, act=None),
    )
    return Residual(body, stride == 1 and c_in == c_out)


def separable(c_in, c_out, stride):
    """MobileNetV1's block (Howard et al., 2017), with a residual."""
    body = nn.Sequential(ConvBn(c_in, c_in, 3, stride, groups=c_in), ConvBn(c_in, c_out, 1))
    return Residual(body, stride == 1 and c_in == c_out)


def classifier(layers, channels):
    """Names the layers, so that the exported tensors carry their names."""
    tail = [
        ("pool", nn.AdaptiveAvgPool2d(1)),
        ("flatten", nn.Flatten()),
        ("fc", nn.Linear(channels, CLASSES)),
    ]
    return nn.Sequential(OrderedDict([*layers, *tail]))


def make_teacher():
    return classifier(
        [
            ("stem", ConvBn(3, 16, 3, 2)),  # [16, 48, 48]
            ("down", ConvBn(16, 24, 3, 2)),  # [24, 24, 24]
            ("block1", inverted_residual(24, 24, 1, 4)),
            ("block2", inverted_residual(24, 40, 2, 4)),  # [40, 12, 12]
            ("block3", inverted_residual(40, 40, 1, 4)),
            ("block4", inverted_residual(40, 40, 1, 4)),
            ("block5", inverted_residual(40, 72, 2, 4)),  # [72, 6, 6]
            ("block6", inverted_residual(72, 72, 1, 4)),
            ("block7", inverted_residual(72, 72, 1, 4)),
            ("block8", inverted_residual(72, 72, 1, 4)),
            ("head", ConvBn(72, 256, 1, act=nn.ReLU6)),
        ],
        256,
    )


def make_student():
    return classifier(
        [
            ("stem", ConvBn(3, 12, 3, 2)),  # [12, 48, 48]
            ("block1", separable(12, 24, 2)),  # [24, 24, 24]
            ("block2", separable(24, 32, 2)),  # [32, 12, 12]
            ("block3", separable(32, 32, 1)),
            ("block4", separable(32, 64, 2)),  # [64, 6, 6]
            ("block5", separable(64, 64, 1)),
            ("block6", separable(64, 96, 1)),
        ],
        96,
    )


def build_draw(folder):
    """Compiles the drawing program; its path."""
    program = Path(folder) / "draw"
    sources = sorted(str(path) for path in HERE.glob("*.c"))
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-std=c17", "-O2", *sources, "-o", str(program)], check=True)
    return program


def draw(program, folder, seed, count):
    """Pictures [count, 96, 96, 3] and labels [count] of the seeds from `seed` on."""
    jobs = os.cpu_count() or 1
    edges = [seed + count * i // jobs for i in range(jobs + 1)]
    parts = []
    for first, last in zip(edges, edges[1:]):
        images, labels = Path(folder) / f"{first}.rgb", Path(folder) / f"{first}.u8"
        command = [program, "--seed", str(first), "--count", str(last - first)]
        command += ["--images", images, "--labels", labels]
        parts.append((subprocess.Popen(command), images, labels))
    pictures, classes = [], []
    for process, images, labels in parts:
        if process.wait() != 0:
            sys.exit("train.py: the drawing program failed")
        pictures.append(np.fromfile(images, np.uint8))
        classes.append(np.fromfile(labels, np.uint8))
        images.unlink()
        labels.unlink()
    pictures = torch.from_numpy(np.concatenate(pictures)).view(count, SIDE, SIDE, 3)
    return pictures, torch.from_numpy(np.concatenate(classes)).long()


def to_input(pictures):
    """uint8 [n, h, w, 3] to float [n, 3, h, w] in -1..1; stays channels-last in memory."""
    return ((pictures.float() - 127.5) / 127.5).permute(0, 3, 1, 2)


@torch.no_grad()
def predict(model, pictures):
    model.eval()
    return torch.cat([model(to_input(part)) for part in pictures.split(BATCH)])


def accuracy(model, pictures, labels):
    """In percent."""
    return (predict(model, pictures).argmax(1) == labels).float().mean().item() * 100


def distillation_loss(logits, labels, taught):
    soft = F.kl_div(
        F.log_softmax(logits / TEMPERATURE, 1),
        F.log_softmax(taught / TEMPERATURE, 1),
        reduction="batchmean",
        log_target=True,
    )
    hard = F.cross_entropy(logits, labels)
    return (1 - LABEL_SHARE) * TEMPERATURE**2 * soft + LABEL_SHARE * hard


def batches(count, epochs, generator):
    """(indices, mirrored) of each step: every picture once an epoch, a random half mirrored."""
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator)
        for part in order[: count - count % BATCH].split(BATCH):
            yield part, bool(torch.rand(1, generator=generator) < 0.5)


def train(name, model, data, epochs, rate, validation, taught=None):
    """Trains in place; `taught`: the teacher's logits [2, n, classes], plain and mirrored."""
    pictures, labels = data
    steps = len(labels) // BATCH * epochs
    model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    generator = torch.Generator().manual_seed(7)
    start = time.monotonic()
    for step, (part, mirrored) in enumerate(batches(len(labels), epochs, generator), 1):
        model.train()
        images = to_input(pictures[part])
        logits = model(images.flip(3) if mirrored else images)
        if taught is None:
            loss = F.cross_entropy(logits, labels[part])
        else:
            loss = distillation_loss(logits, labels[part], taught[int(mirrored)][part])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % (steps // epochs) == 0:
            right = accuracy(model, *validation)
            seconds = time.monotonic() - start
            print(f"{name}: step {step}/{steps}, loss {loss:.3f}, "
                  f"validation {right:.2f}%, {seconds:.0f} s", flush=True)
    return time.monotonic() - start


def count_macs(model):
    """Multiply-accumulates of convolutions and matrix products for one picture."""
    total = 0

    def add(layer, _, output):
        nonlocal total
        total += output[0].numel() * (layer.weight[0].numel())

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    predict(model, torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return total


def export(model, path):
    """Leaves batch normalisations as nodes: folding them is the importer's work."""
    model.eval()
    model.to(memory_format=torch.contiguous_format)
    torch.onnx.export(
        model,
        torch.zeros(1, 3, SIDE, SIDE),
        str(path),
        input_names=["image"],
        output_names=["logits"],
        opset_version=13,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
    )


def measure(model, test, seconds, path=None):
    return {
        "accuracy_percent": round(accuracy(model, *test), 2),
        "macs": count_macs(model),
        "parameters": sum(p.numel() for p in model.parameters()),
        "file_bytes": path.stat().st_size if path else None,
        "training_seconds": round(seconds),
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results")
    parser.add_argument("--draw", type=Path, help="drawing program (default: compile it)")
    parser.add_argument("--training", type=int, default=48_000, help="training pictures")
    parser.add_argument("--held-out", type=int, default=4_000, help="validation, test pictures")
    parser.add_argument("--teacher-epochs", type=int, default=5)
    parser.add_argument("--student-epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="2 is faster on an idle machine")
    parser.add_argument("--control", action="store_true",
                        help="also train a student on labels alone, to compare")
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        program = args.draw or build_draw(folder)
        data = draw(program, folder, SEED_TRAINING, args.training)
        validation = draw(program, folder, SEED_VALIDATION, args.held_out)
        test = draw(program, folder, SEED_TEST, args.held_out)

    torch.manual_seed(1)
    teacher = make_teacher()
    seconds = train("teacher", teacher, data, args.teacher_epochs, 4e-3, validation)
    taught = torch.stack([predict(teacher, data[0]), predict(teacher, data[0].flip(2))])
    export(teacher, args.out / "teacher.onnx")
    results = {"teacher": measure(teacher, test, seconds, args.out / "teacher.onnx")}

    torch.manual_seed(2)
    student = make_student()
    seconds = train("student", student, data, args.student_epochs, 1e-2, validation, taught)
    export(student, args.out / "student.onnx")
    results["student"] = measure(student, test, seconds, args.out / "student.onnx")

    if args.control:
        torch.manual_seed(2)
        control = make_student()
        seconds = train("control", control, data, args.student_epochs, 1e-2, validation)
        results["student_from_labels_alone"] = measure(control, test, seconds)

    text = json.dumps(results, indent=2) + "\n"
    (args.out / "metrics.json").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
