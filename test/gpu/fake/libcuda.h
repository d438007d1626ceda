// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// What libcuda.c, streams.c and graphs.c share. Numbers are those of cuda.h.
#pragma once
#define _GNU_SOURCE

#include <pthread.h>
#include <stddef.h>

enum {
  CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1, CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NO_DEVICE = 100, CUDA_ERROR_INVALID_DEVICE = 101, CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_INVALID_PTX = 218, CUDA_ERROR_INVALID_HANDLE = 400, CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_NOT_READY = 600, CUDA_ERROR_ILLEGAL_ADDRESS = 700, CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_NOT_SUPPORTED = 801, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
  CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT = 906,
  CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD = 908,
};
enum { CAPTURE_GLOBAL, CAPTURE_THREAD_LOCAL, CAPTURE_RELAXED };
enum { DEVICE_BUFFERS, PINNED_BUFFERS, STREAMS, EVENTS, MODULES, GRAPHS, CONTEXTS, NUM_KINDS };
enum { COPY, KERNEL, HOST, RECORD };
enum { NO_CONTEXT = 1, UNSAFE = 2 };  // of a call: works without a context; not while capturing
#define NON_BLOCKING 1                // CU_STREAM_NON_BLOCKING

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;

typedef struct Context {
  int retained, device;
  CUresult error;  // sticky: of every later call
} Context, *CUcontext;

typedef struct Block {
  struct Block *next;
  Context *context;
  char *mapping, *start;
  size_t mapped, bytes;
  int kind;
} Block;

typedef _Bool (*HostKernel)(const unsigned *grid, unsigned threads, int reversed, void **pointers);

typedef struct Function {
  struct Function *next;
  HostKernel host;
  unsigned parameters;
  int waits;  // its threads wait for each other
} Function;

typedef struct Module {
  struct Module *next;
  Context *context;
  char *ptx;
  Function *functions;
} Module;

typedef struct Event {
  unsigned flags;
  double at_ms;
  struct Stream *pending;  // where it has still to happen
} Event;

typedef struct Op {
  struct Op *next;
  int kind;
  void *target, *owned;  // owned: freed with it
  const void *source;
  size_t bytes;
  Function *function;
  unsigned grid[3], block;
  void (*call)(void *);
  void *data;
  Event *event;
} Op;

typedef struct Stream {
  struct Stream *next;
  Context *context;
  unsigned flags;
  Op *ops;
  pthread_mutex_t running;
  int capturing, is_invalid, mode;
  pthread_t capturer;
  Op *captured;
} Stream;

typedef struct Graph {
  Op *ops;
} Graph;

#define ENTER(name, how)                         \
  do {                                           \
    const CUresult entered_ = enter(name, how);  \
    if (entered_) return entered_;               \
  } while (0)

CUresult enter(const char *name, int how);
void lock(void);
void unlock(void);
void count_alive(int kind, int change);
Context *current_context(void);
Block *block_of(const void *address, size_t bytes);
int is_device(const void *address, size_t bytes);
// streams.c
Stream *all_streams(void);
Op *new_op(int kind);
void free_op(Op *op);
CUresult enqueue(Stream *stream, Op *op);
void drain(Stream *stream);
CUresult cuStreamDestroy_v2(Stream *stream);
int bury_modules(const Context *context);
// graphs.c
CUresult refused_by_capture(Context *context);
CUresult enter_legacy_stream(Context *context);
CUresult invalidate(Stream *stream, CUresult result);
