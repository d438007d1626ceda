// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Streams that are being captured, and graphs; what is forbidden meanwhile (CUDA C++ programming
// guide, "CUDA graphs", "prohibited and unhandled operations").
#include "libcuda.h"

#include <stdlib.h>
#include <string.h>

CUresult invalidate(Stream *stream, CUresult result)
{
  stream->is_invalid = 1;
  return result;
}

// A call that may wait or allocate: not by the thread that captures, nor by any while the mode is
// global.
CUresult refused_by_capture(Context *context)
{
  for (Stream *stream = all_streams(); stream; stream = stream->next) {
    if (!stream->capturing || stream->context != context) continue;
    const int is_own = pthread_equal(stream->capturer, pthread_self());
    if (stream->mode == CAPTURE_GLOBAL || (stream->mode == CAPTURE_THREAD_LOCAL && is_own))
      return invalidate(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  }
  return CUDA_SUCCESS;
}

// The legacy stream waits for every blocking stream, whichever thread asks: also for one that is
// being captured.
CUresult enter_legacy_stream(Context *context)
{
  for (Stream *stream = all_streams(); stream; stream = stream->next)
    if (stream->capturing && stream->context == context && !(stream->flags & NON_BLOCKING))
      return invalidate(stream, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  return refused_by_capture(context);
}

static void free_ops(Op *op)
{
  while (op) {
    Op *next = op->next;
    free_op(op);
    op = next;
  }
}

static Op *copy_of(const Op *from)
{
  Op *first = NULL, **link = &first;
  for (; from; from = from->next) {
    Op *op = new_op(from->kind);
    *op = *from;
    op->next = NULL;
    if (from->owned) op->owned = memcpy(malloc(from->bytes), from->owned, from->bytes);
    *link = op;
    link = &op->next;
  }
  return first;
}

CUresult cuStreamBeginCapture_v2(Stream *stream, int mode)
{
  ENTER("cuStreamBeginCapture", 0);
  if (!stream || stream->capturing) return CUDA_ERROR_INVALID_VALUE;
  stream->capturing = 1;
  stream->is_invalid = 0;
  stream->mode = mode;
  stream->capturer = pthread_self();
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(Stream *stream, Graph **graph)
{
  *graph = NULL;
  if (!stream->capturing) return CUDA_ERROR_INVALID_VALUE;
  if (!pthread_equal(stream->capturer, pthread_self()) && stream->mode != CAPTURE_RELAXED)
    return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
  Op *captured = stream->captured;
  stream->captured = NULL;
  stream->capturing = 0;
  const CUresult result = enter("cuStreamEndCapture", 0);
  if (result || stream->is_invalid) {
    free_ops(captured);
    return result ? result : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  *graph = calloc(1, sizeof **graph);
  (*graph)->ops = captured;
  count_alive(GRAPHS, 1);
  return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(Stream *stream, int *status)
{
  *status = stream->capturing ? 1 + stream->is_invalid : 0;
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(Graph **executable, Graph *graph, unsigned long long flags)
{
  ENTER("cuGraphInstantiate", UNSAFE);
  *executable = calloc(1, sizeof **executable);
  (*executable)->ops = copy_of(graph->ops);
  count_alive(GRAPHS, 1);
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(Graph *executable, Stream *stream)
{
  ENTER("cuGraphLaunch", 0);
  if (stream->capturing) return invalidate(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  Op *copies = copy_of(executable->ops);
  return copies ? enqueue(stream, copies) : CUDA_SUCCESS;
}

CUresult cuGraphDestroy(Graph *graph)
{
  free_ops(graph->ops);
  free(graph);
  count_alive(GRAPHS, -1);
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(Graph *executable) { return cuGraphDestroy(executable); }
