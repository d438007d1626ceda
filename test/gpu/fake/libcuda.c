// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// A libcuda.so.1 without a GPU, for the real PyCUDA: devices, contexts and memory here; streams.c,
// graphs.c. What is enqueued runs when it is waited for, not before: a buffer
// that is read or overwritten too early shows. Device memory ends at a page that must not be
// touched. Error numbers and their meaning: cuda.h.
#include "libcuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NUM_DEVICES 4
#define NUM_NAMES 128
#define NUM_FAULTS 8

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static Context contexts[NUM_DEVICES];
static int num_devices, capability[2] = {8, 6};
static size_t memory_bytes = (size_t)8 << 30, used_bytes;
static Block *blocks;
static int alive[NUM_KINDS], leaked;
static struct { const char *name; int count; } calls[NUM_NAMES];
static struct { char name[64]; int code, after, sticky; } faults[NUM_FAULTS];
static pthread_t threads[16];
static int num_threads;
static __thread Context *stack[16];
static __thread int depth;

void lock(void) { pthread_mutex_lock(&mutex); }
void unlock(void) { pthread_mutex_unlock(&mutex); }

void count_alive(int kind, int change)
{
  lock();
  alive[kind] += change;
  unlock();
}

Context *current_context(void) { return depth ? stack[depth - 1] : NULL; }

CUresult cuGetErrorString(CUresult error, const char **text)
{
  switch (error) {
    case CUDA_SUCCESS: *text = "no error"; break;
    case CUDA_ERROR_OUT_OF_MEMORY: *text = "out of memory"; break;
    case CUDA_ERROR_NO_DEVICE: *text = "no CUDA-capable device is detected"; break;
    case CUDA_ERROR_INVALID_CONTEXT: *text = "invalid device context"; break;
    case CUDA_ERROR_ILLEGAL_ADDRESS: *text = "an illegal memory access was encountered"; break;
    default: *text = "an error"; break;
  }
  return CUDA_SUCCESS;
}

// ---------------------------------------------------------------- what the tests say and ask

void fake_configure(int devices, int major, int minor, size_t bytes)
{
  num_devices = devices < NUM_DEVICES ? devices : NUM_DEVICES;
  capability[0] = major;
  capability[1] = minor;
  memory_bytes = bytes;
}

size_t fake_used_bytes(void) { return used_bytes; }
int fake_alive(int kind) { return alive[kind]; }
int fake_leaked(void) { return leaked; }
int fake_threads(void) { return num_threads; }

// The call `name` fails with `code` after so many that succeed; sticky: so does everything later.
void fake_fail(const char *name, int code, int after, int sticky)
{
  for (int i = 0; i < NUM_FAULTS; ++i) {
    if (faults[i].name[0]) continue;
    snprintf(faults[i].name, sizeof faults[i].name, "%s", name);
    faults[i].code = code;
    faults[i].after = after;
    faults[i].sticky = sticky;
    return;
  }
}

int fake_count(const char *name)
{
  for (int i = 0; i < NUM_NAMES && calls[i].name; ++i)
    if (!strcmp(calls[i].name, name)) return calls[i].count;
  return 0;
}

void fake_reset(void)
{
  memset(calls, 0, sizeof calls);
  memset(faults, 0, sizeof faults);
  leaked = num_threads = 0;
  for (int i = 0; i < NUM_DEVICES; ++i)
    if (!contexts[i].retained) contexts[i].error = 0;
}

__attribute__((destructor)) static void report(void)
{
  static const char *names[] = {"device buffers", "pinned buffers", "streams", "events", "modules",
                                "graphs", "contexts"};
  for (int i = 0; i < NUM_KINDS; ++i)
    if (alive[i]) fprintf(stderr, "fake libcuda: %d %s are left at exit\n", alive[i], names[i]);
  if (leaked) fprintf(stderr, "fake libcuda: %d things died with their context\n", leaked);
}

// ---------------------------------------------------------------- every call begins here

static CUresult injected(const char *name)
{
  for (int i = 0; i < NUM_FAULTS; ++i) {
    if (strcmp(faults[i].name, name)) continue;
    if (faults[i].after-- > 0) continue;
    const int code = faults[i].code;
    Context *context = current_context();
    if (faults[i].sticky && context) context->error = code;
    faults[i].name[0] = 0;
    return code;
  }
  return CUDA_SUCCESS;
}

CUresult enter(const char *name, int how)
{
  lock();
  int i = 0;
  while (i < NUM_NAMES - 1 && calls[i].name && strcmp(calls[i].name, name)) ++i;
  calls[i].name = name;
  ++calls[i].count;
  if (!(how & NO_CONTEXT)) {
    int known = 0;
    for (int t = 0; t < num_threads; ++t) known |= pthread_equal(threads[t], pthread_self());
    if (!known && num_threads < 16) threads[num_threads++] = pthread_self();
  }
  Context *context = current_context();
  CUresult result = injected(name);
  if (!result && !(how & NO_CONTEXT)) {
    if (!context) result = CUDA_ERROR_INVALID_CONTEXT;
    else if (context->error) result = context->error;
    else if (how & UNSAFE) result = refused_by_capture(context);
  }
  unlock();
  return result;
}

// ---------------------------------------------------------------- devices and contexts

CUresult cuInit(unsigned flags)
{
  ENTER("cuInit", NO_CONTEXT);
  return num_devices ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

CUresult cuDriverGetVersion(int *version) { *version = 12060; return CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *count) { *count = num_devices; return CUDA_SUCCESS; }

CUresult cuDeviceGet(CUdevice *device, int index)
{
  if (index < 0 || index >= num_devices) return CUDA_ERROR_INVALID_DEVICE;
  *device = index;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device)
{
  snprintf(name, length, "Fake GPU %d", device);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetPCIBusId(char *id, int length, CUdevice device)
{
  snprintf(id, length, "0000:%02d:00.0", 65 - device);  // not in the order of the devices
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
  *bytes = memory_bytes;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, int which, CUdevice device)
{
  *value = which == 16 ? 46 : which == 75 ? capability[0] : which == 76 ? capability[1] : 0;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
  ENTER("cuDevicePrimaryCtxRetain", NO_CONTEXT);
  lock();
  if (contexts[device].retained++ == 0) {
    contexts[device].error = 0;
    contexts[device].device = device;
    ++alive[CONTEXTS];
  }
  *context = &contexts[device];
  unlock();
  return CUDA_SUCCESS;
}

static void destroy(Block *block);

// All that a context still has dies with it.
static void bury(Context *context)
{
  for (Block *block = blocks, *next; block; block = next) {
    next = block->next;
    if (block->context != context) continue;
    leaked += !context->error;
    destroy(block);
  }
  for (Stream *stream = all_streams(), *next; stream; stream = next) {
    next = stream->next;
    if (stream->context != context) continue;
    leaked += !context->error;
    cuStreamDestroy_v2(stream);
  }
  const int modules = bury_modules(context);
  leaked += context->error ? 0 : modules;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
  ENTER("cuDevicePrimaryCtxRelease", NO_CONTEXT);
  lock();
  if (contexts[device].retained == 0) { unlock(); return CUDA_ERROR_INVALID_CONTEXT; }
  if (--contexts[device].retained == 0) {
    bury(&contexts[device]);
    --alive[CONTEXTS];
  }
  unlock();
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context)
{
  ENTER("cuCtxPushCurrent", NO_CONTEXT);
  if (!context || !context->retained || depth == 16) return CUDA_ERROR_INVALID_CONTEXT;
  stack[depth++] = context;
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
  ENTER("cuCtxPopCurrent", NO_CONTEXT);
  if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
  *context = stack[--depth];
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device)
{
  ENTER("cuCtxGetDevice", 0);
  *device = current_context()->device;
  return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void)
{
  ENTER("cuCtxSynchronize", UNSAFE);
  for (Stream *stream = all_streams(); stream; stream = stream->next)
    if (stream->context == current_context()) drain(stream);
  return current_context()->error;
}

// ---------------------------------------------------------------- memory

Block *block_of(const void *address, size_t bytes)
{
  lock();
  Block *block = blocks;
  const char *at = address;
  while (block && !(at >= block->start && at + bytes <= block->start + block->bytes))
    block = block->next;
  unlock();
  return block;
}

static void destroy(Block *block)
{
  Block **link = &blocks;
  while (*link != block) link = &(*link)->next;
  *link = block->next;
  --alive[block->kind];
  if (block->kind == DEVICE_BUFFERS) used_bytes -= block->bytes;
  munmap(block->mapping, block->mapped);
  free(block);
}

static CUresult allocate(int kind, size_t bytes, void **start)
{
  if (!bytes) return CUDA_ERROR_INVALID_VALUE;
  lock();
  if (kind == DEVICE_BUFFERS && used_bytes + bytes > memory_bytes) {
    unlock();
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  const size_t page = 4096, room = (bytes + 255) / 256 * 256;
  const size_t pages = (room + page - 1) / page * page;
  Block *block = calloc(1, sizeof *block);
  block->mapped = pages + page;
  block->mapping = mmap(
    NULL, block->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  mprotect(block->mapping + pages, page, PROT_NONE);
  block->start = block->mapping + pages - room;
  block->bytes = bytes;
  block->kind = kind;
  block->context = current_context();
  memset(block->start, 0xA5, bytes);  // nothing is zero by itself
  block->next = blocks;
  blocks = block;
  ++alive[kind];
  if (kind == DEVICE_BUFFERS) used_bytes += bytes;
  *start = block->start;
  unlock();
  return CUDA_SUCCESS;
}

static CUresult release(int kind, void *start)
{
  CUresult result = CUDA_ERROR_INVALID_VALUE;
  for (Stream *stream = all_streams(); stream; stream = stream->next)
    if (stream->context == current_context() && !pthread_mutex_trylock(&stream->running)) {
      pthread_mutex_unlock(&stream->running);
      drain(stream);
    }
  lock();
  Block *block = block_of(start, 1);
  if (block && block->start == (char *)start && block->kind == kind) {
    destroy(block);
    result = CUDA_SUCCESS;
  }
  unlock();
  return result;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes)
{
  ENTER("cuMemAlloc", UNSAFE);
  return allocate(DEVICE_BUFFERS, bytes, (void **)address);
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
  ENTER("cuMemFree", UNSAFE);
  return release(DEVICE_BUFFERS, (void *)address);
}

CUresult cuMemHostAlloc(void **start, size_t bytes, unsigned flags)
{
  ENTER("cuMemHostAlloc", UNSAFE);
  return allocate(PINNED_BUFFERS, bytes, start);
}

CUresult cuMemAllocHost_v2(void **start, size_t bytes)
{
  ENTER("cuMemAllocHost", UNSAFE);
  return allocate(PINNED_BUFFERS, bytes, start);
}

CUresult cuMemFreeHost(void *start)
{
  ENTER("cuMemFreeHost", UNSAFE);
  return release(PINNED_BUFFERS, start);
}

CUresult cuMemGetInfo_v2(size_t *free_, size_t *total)
{
  ENTER("cuMemGetInfo", 0);
  *free_ = memory_bytes - used_bytes;
  *total = memory_bytes;
  return CUDA_SUCCESS;
}

int is_device(const void *address, size_t bytes)
{
  const Block *block = block_of(address, bytes);
  return block && block->kind == DEVICE_BUFFERS;
}

// A copy that waits: on the legacy stream, which waits for all streams but the non-blocking ones.
static CUresult copy_now(void *target, const void *source, size_t bytes)
{
  CUresult result = enter_legacy_stream(current_context());
  if (result) return result;
  for (Stream *stream = all_streams(); stream; stream = stream->next)
    if (stream->context == current_context() && !(stream->flags & NON_BLOCKING)) drain(stream);
  memcpy(target, source, bytes);
  return current_context()->error;
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr target, const void *source, size_t bytes)
{
  ENTER("cuMemcpyHtoD", 0);
  if (!is_device((void *)target, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_now((void *)target, source, bytes);
}

CUresult cuMemcpyDtoH_v2(void *target, CUdeviceptr source, size_t bytes)
{
  ENTER("cuMemcpyDtoH", 0);
  if (!is_device((void *)source, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_now(target, (void *)source, bytes);
}

static CUresult copy_later(
  void *target, const void *source, size_t bytes, const void *host, Stream *stream)
{
  if (!stream) return copy_now(target, source, bytes);
  Op *op = new_op(COPY);
  op->target = target;
  op->source = source;
  op->bytes = bytes;
  const int is_pinned = block_of(host, bytes) != NULL;
  if (!is_pinned && host == source && !stream->capturing) {  // the driver takes its own copy
    op->owned = malloc(bytes);
    op->source = memcpy(op->owned, source, bytes);
  }
  CUresult result = enqueue(stream, op);
  if (!result && !is_pinned && host == target && !stream->capturing) drain(stream);
  return result;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t bytes, Stream *stream)
{
  ENTER("cuMemcpyHtoDAsync", 0);
  if (!is_device((void *)target, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_later((void *)target, source, bytes, source, stream);
}

CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t bytes, Stream *stream)
{
  ENTER("cuMemcpyDtoHAsync", 0);
  if (!is_device((void *)source, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_later(target, (void *)source, bytes, target, stream);
}
