// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Modules, kernels, streams and events. A kernel runs on the host, compiled by g++; one that touches
// what it must not breaks its context, as on a GPU.
#include "libcuda.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t kernel_mutex = PTHREAD_MUTEX_INITIALIZER;
static void *kernels;        // the kernels compiled for the host
static unsigned block_size;  // of kernels whose threads wait; 0: as launched
static int is_reversed;
static Stream *streams;
static Module *modules;

int fake_kernels(const char *path) { return (kernels = dlopen(path, RTLD_NOW)) ? 0 : 1; }
Stream *all_streams(void) { return streams; }

void fake_block_size(unsigned threads, int reversed)
{
  block_size = threads;
  is_reversed = reversed;
}

// `image`: PTX as text that ends with a zero.
CUresult cuModuleLoadDataEx(
  Module **module, const void *image, unsigned count, int *options, void **values)
{
  // PyCUDA gives two buffers for messages, and reads the sizes of what is in them.
  if (count >= 4) values[1] = values[3] = NULL;
  ENTER("cuModuleLoadDataEx", UNSAFE);
  if (!kernels || !strstr(image, ".entry")) return CUDA_ERROR_INVALID_PTX;
  *module = calloc(1, sizeof **module);
  (*module)->ptx = strdup(image);
  (*module)->context = current_context();
  lock();
  (*module)->next = modules;
  modules = *module;
  count_alive(MODULES, 1);
  unlock();
  return CUDA_SUCCESS;
}

static void unload(Module *module)
{
  Module **link = &modules;
  while (*link != module) link = &(*link)->next;
  *link = module->next;
  while (module->functions) {
    Function *function = module->functions;
    module->functions = function->next;
    free(function);
  }
  free(module->ptx);
  free(module);
  count_alive(MODULES, -1);
}

CUresult cuModuleUnload(Module *module)
{
  ENTER("cuModuleUnload", 0);
  lock();
  unload(module);
  unlock();
  return CUDA_SUCCESS;
}

// Returns how many modules a context still had.
int bury_modules(const Context *context)
{
  int number = 0;
  for (Module *module = modules, *next; module; module = next) {
    next = module->next;
    if (module->context != context) continue;
    unload(module);
    ++number;
  }
  return number;
}

CUresult cuModuleGetFunction(Function **function, Module *module, const char *name)
{
  ENTER("cuModuleGetFunction", 0);
  char text[128];
  snprintf(text, sizeof text, ".entry %s(", name);
  const char *entry = strstr(module->ptx, text);
  snprintf(text, sizeof text, "host_%s", name);
  void *host = dlsym(kernels, text);
  if (!entry || !host) return CUDA_ERROR_NOT_FOUND;
  *function = calloc(1, sizeof **function);
  (*function)->host = (HostKernel)host;
  (*function)->waits = strcmp(name, "warp_views") != 0;  // its grid has a thread for each pixel
  const char *end = strchr(entry, ')');
  for (const char *at = entry; (at = strstr(at, ".param")) && at < end; ++at)
    ++(*function)->parameters;
  (*function)->next = module->functions;
  module->functions = *function;
  return CUDA_SUCCESS;
}

// PyCUDA calls it before each launch, which has its own block.
CUresult cuFuncSetBlockShape(Function *function, int x, int y, int z)
{
  ENTER("cuFuncSetBlockShape", 0);
  return x > 0 && y > 0 && z > 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

// `extra` has the address and the size of the parameters: PyCUDA uses no other way.
CUresult cuLaunchKernel(
  Function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
  unsigned block_y, unsigned block_z, unsigned shared, Stream *stream, void **parameters,
  void **extra)
{
  ENTER("cuLaunchKernel", 0);
  if (!extra || !stream || !grid_x || !grid_y || !grid_z || grid_y > 65535 || grid_z > 65535 ||
      !block_x || block_x * block_y * block_z > 1024)
    return CUDA_ERROR_INVALID_VALUE;
  const size_t bytes = *(size_t *)extra[3];
  if (bytes != 8 * function->parameters) return CUDA_ERROR_INVALID_VALUE;
  Op *op = new_op(KERNEL);
  op->function = function;
  op->grid[0] = grid_x;
  op->grid[1] = grid_y;
  op->grid[2] = grid_z;
  op->block = block_size && function->waits ? block_size : block_x;
  op->owned = malloc(bytes);
  memcpy(op->owned, extra[1], bytes);
  op->bytes = bytes;
  return enqueue(stream, op);
}

static __thread sigjmp_buf escape;
static __thread int is_in_kernel;

static void touched(int signal_)
{
  if (is_in_kernel) siglongjmp(escape, 1);
  signal(signal_, SIG_DFL);
  raise(signal_);
}

static CUresult run_kernel(const Op *op)
{
  volatile CUresult result = CUDA_SUCCESS;
  void **pointers = op->owned;
  for (unsigned i = 0; i < op->function->parameters; ++i)
    if (!is_device(pointers[i], 1)) return CUDA_ERROR_ILLEGAL_ADDRESS;
  pthread_mutex_lock(&kernel_mutex);
  struct sigaction own = {.sa_handler = touched, .sa_flags = SA_NODEFER}, before[2];
  sigaction(SIGSEGV, &own, &before[0]);
  sigaction(SIGBUS, &own, &before[1]);
  is_in_kernel = 1;
  if (sigsetjmp(escape, 1)) result = CUDA_ERROR_ILLEGAL_ADDRESS;
  else if (!op->function->host(op->grid, op->block, is_reversed, pointers))
    result = CUDA_ERROR_LAUNCH_FAILED;  // threads of a block wait at different barriers
  is_in_kernel = 0;
  sigaction(SIGSEGV, &before[0], NULL);
  sigaction(SIGBUS, &before[1], NULL);
  pthread_mutex_unlock(&kernel_mutex);
  return result;
}

// ---------------------------------------------------------------- streams and events

CUresult cuStreamCreate(Stream **stream, unsigned flags)
{
  ENTER("cuStreamCreate", UNSAFE);
  *stream = calloc(1, sizeof **stream);
  (*stream)->flags = flags;
  (*stream)->context = current_context();
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&(*stream)->running, &attributes);
  lock();
  (*stream)->next = streams;
  streams = *stream;
  count_alive(STREAMS, 1);
  unlock();
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(Stream *stream)
{
  drain(stream);
  lock();
  Stream **link = &streams;
  while (*link && *link != stream) link = &(*link)->next;
  if (*link) {
    *link = stream->next;
    count_alive(STREAMS, -1);
    free(stream);
  }
  unlock();
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(Stream *stream)
{
  ENTER("cuStreamSynchronize", 0);
  if (stream->capturing) return invalidate(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  drain(stream);
  return current_context()->error;
}

CUresult cuStreamQuery(Stream *stream) { return cuStreamSynchronize(stream); }

CUresult cuLaunchHostFunc(Stream *stream, void (*function)(void *), void *data)
{
  ENTER("cuLaunchHostFunc", 0);
  Op *op = new_op(HOST);
  op->call = function;
  op->data = data;
  return enqueue(stream, op);
}

Op *new_op(int kind)
{
  Op *op = calloc(1, sizeof *op);
  op->kind = kind;
  return op;
}

CUresult enqueue(Stream *stream, Op *op)
{
  lock();
  Op **link = stream->capturing ? &stream->captured : &stream->ops;
  while (*link) link = &(*link)->next;
  *link = op;
  unlock();
  return CUDA_SUCCESS;
}

static void execute(Stream *stream, Op *op)
{
  CUresult result = CUDA_SUCCESS;
  struct timespec now;
  if (stream->context->error) return;
  switch (op->kind) {
    case COPY: memcpy(op->target, op->source, op->bytes); break;
    case KERNEL: result = run_kernel(op); break;
    case HOST: op->call(op->data); break;
    case RECORD:
      clock_gettime(CLOCK_MONOTONIC, &now);
      op->event->at_ms = now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
      op->event->pending = NULL;
      break;
  }
  if (result) stream->context->error = result;
}

void free_op(Op *op)
{
  free(op->owned);
  free(op);
}

// Does what was enqueued. The lock is free meanwhile: a HOST operation may be Python.
void drain(Stream *stream)
{
  pthread_mutex_lock(&stream->running);
  for (;;) {
    lock();
    Op *op = stream->ops;
    if (op) stream->ops = op->next;
    unlock();
    if (!op) break;
    execute(stream, op);
    free_op(op);
  }
  pthread_mutex_unlock(&stream->running);
}

CUresult cuEventCreate(Event **event, unsigned flags)
{
  ENTER("cuEventCreate", 0);
  *event = calloc(1, sizeof **event);
  (*event)->flags = flags;
  count_alive(EVENTS, 1);
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(Event *event)
{
  if (event->pending) drain(event->pending);
  free(event);
  count_alive(EVENTS, -1);
  return CUDA_SUCCESS;
}

CUresult cuEventRecord(Event *event, Stream *stream)
{
  ENTER("cuEventRecord", 0);
  Op *op = new_op(RECORD);
  op->event = event;
  if (!stream->capturing) event->pending = stream;
  return enqueue(stream, op);
}

CUresult cuEventSynchronize(Event *event)
{
  ENTER("cuEventSynchronize", UNSAFE);
  if (event->pending) drain(event->pending);
  return current_context()->error;
}

CUresult cuEventQuery(Event *event) { return cuEventSynchronize(event); }

CUresult cuEventElapsedTime(float *ms, const Event *start, const Event *end)
{
  ENTER("cuEventElapsedTime", 0);
  if ((start->flags | end->flags) & 2) return CUDA_ERROR_INVALID_HANDLE;  // no timing
  if (start->pending || end->pending) return CUDA_ERROR_NOT_READY;
  *ms = (float)(end->at_ms - start->at_ms);
  return CUDA_SUCCESS;
}
