/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLEAVE_CLEAVE_H
#define CLEAVE_CLEAVE_H

/** @file cleave.h: all of the public API. Start here.
 *
 *  Cleave splits a neural network between a device and a server. `cleave build` makes a bundle of
 *  a model and, if there is one, a small student that stands in for it; `cleave-server` answers for
 *  bundles; the device runs `cleave-edge`, or embeds the same agent through this API:
 *
 *      clv_error err = CLV_ERROR_INIT;
 *      clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
 *      clv_edge *edge;
 *
 *      options.bundle = "model.clv";
 *      options.server = "gpu.example:7447";        NULL: everything on the device
 *      options.ca = "ca.crt", options.cert = "cam1.crt", options.key = "cam1.key";
 *      options.cut = 12;                           nodes [0, 12) run here
 *      options.deadline_us = 100000;
 *      if (clv_edge_create(&edge, &options, &err) != CLV_OK)
 *          puts(err.message);
 *
 *      clv_edge_submit(NULL, edge, rgb, width, height, NULL);
 *      clv_edge_answer answer;
 *      if (clv_edge_next(&answer, edge, UINT64_MAX) == CLV_OK) {
 *          puts(clv_source_name(answer.source));   "split", "server", "local", "student"
 *          use(answer.outputs, answer.n_outputs);
 *          clv_edge_release(edge, &answer);
 *      }
 *      clv_edge_free(edge);
 *
 *  examples/embed.c is the whole program.
 *
 *  status.h  what functions return, and errors in words
 *  tensor.h  typed, shaped views of memory
 *  edge.h    the device's agent
 *
 *  What can fail returns a clv_status (CLV_OK is 0); outputs come first and are left untouched on
 *  failure; times are microseconds; strings are UTF-8. */

#include <cleave/edge.h>
#include <cleave/status.h>
#include <cleave/tensor.h>

#endif
