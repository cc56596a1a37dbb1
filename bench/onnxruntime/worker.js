// SPDX-License-Identifier: Apache-2.0
// The yardstick: ONNX Runtime's CPU provider, speaking the lines of bench/worker.h.
'use strict';
const fs = require('fs');
const readline = require('readline');

function residentKib() {
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
}

async function main() {
  const [model, threads] = [process.argv[2], Number(process.argv[3])];
  const baseline = residentKib();
  const ort = require(process.env.ORT_DIR ? `${process.env.ORT_DIR}/node_modules/onnxruntime-node` : 'onnxruntime-node');
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'], graphOptimizationLevel: 'all', executionMode: 'sequential',
    intraOpNumThreads: threads, interOpNumThreads: 1,
  });
  const feeds = {};
  for (const meta of session.inputMetadata) {
    const dims = meta.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (i % 255) / 127.5 - 1);
    feeds[meta.name] = new ort.Tensor('float32', data, dims);
  }
  process.stdout.write(`ready ${baseline}\n`);
  let results;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line.startsWith('output')) {
      const values = Array.from(results[session.outputNames[0]].data);
      process.stdout.write(`output ${values.length}\n${values.join('\n')}\n`);
      continue;
    }
    const n = Number(/^run (\d+)/.exec(line)[1]);
    let text = '';
    for (let i = 0; i < n; i++) {
      const start = process.hrtime.bigint();
      results = await session.run(feeds);
      text += `${Number(process.hrtime.bigint() - start) / 1e3}\n`;
    }
    process.stdout.write(`${text}rss ${residentKib()}\n`);
  }
}
main().catch((error) => { console.error(`onnxruntime worker: ${error.message}`); process.exit(1); });
