// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Enough of CUDA C to run the package's kernels on the CPU. The threads of a block are fibers:
// one runs until it reaches a barrier, then the next. The order may be reversed: a kernel that
// lacks a barrier then gives other results.
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <functional>
#include <vector>

#define __global__
#define __device__
#define __shared__ static  // one block runs at a time
using std::max;
using std::min;

struct Index3 {
  unsigned x, y, z;
};
static Index3 threadIdx, blockIdx, blockDim, gridDim;

namespace host {

const size_t stack_bytes = 64 * 1024;
struct Fiber {
  ucontext_t context;  // only to begin on its stack: swapcontext would call the kernel of Linux
  jmp_buf at;
  bool begun, done;
  int barriers;
};
static jmp_buf scheduler;
static std::vector<Fiber> fibers;
static std::vector<char> stacks;
static std::function<void()> body;
static unsigned current;
static bool diverged;
static bool are_idle;  // every fiber is between two blocks

__attribute__((noinline)) inline void leave(Fiber &fiber)
{
  if (!_setjmp(fiber.at)) _longjmp(scheduler, 1);
}

inline void live()
{
  for (;;) {
    body();
    fibers[current].done = true;
    leave(fibers[current]);
  }
}

__attribute__((noinline)) inline void enter(Fiber &fiber)
{
  if (_setjmp(scheduler)) return;
  if (fiber.begun) _longjmp(fiber.at, 1);
  fiber.begun = true;
  setcontext(&fiber.context);
}

inline void make_fibers(unsigned count)
{
  fibers.assign(count, Fiber());
  stacks.resize(count * stack_bytes);
  for (unsigned t = 0; t < count; ++t) {
    getcontext(&fibers[t].context);
    fibers[t].context.uc_stack.ss_sp = &stacks[t * stack_bytes];
    fibers[t].context.uc_stack.ss_size = stack_bytes;
    fibers[t].context.uc_link = nullptr;
    makecontext(&fibers[t].context, live, 0);
  }
}

inline void run_block(bool reversed)
{
  const unsigned count = blockDim.x;
  for (Fiber &fiber : fibers) {
    fiber.done = false;
    fiber.barriers = 0;
  }
  for (unsigned running = count; running > 0;) {
    running = 0;
    int barriers = -1;
    for (unsigned i = 0; i < count; ++i) {
      current = reversed ? count - 1 - i : i;
      Fiber &fiber = fibers[current];
      if (fiber.done) continue;
      threadIdx = Index3{current, 0, 0};
      enter(fiber);
      if (fiber.done) continue;
      ++running;
      // Undefined on a GPU: some threads wait at a barrier that others never reach.
      if (barriers >= 0 && fiber.barriers != barriers) diverged = true;
      barriers = fiber.barriers;
    }
    if (running > 0 && running < count) diverged = true;
  }
}

// Returns false when the threads of a block did not all reach the same barriers. A kernel whose
// threads never wait for each other (`waits`) needs no fibers.
template <class... Parameters, class... Arguments>
bool launch(
  Index3 grid, unsigned threads, bool reversed, bool waits, void (*kernel)(Parameters...),
  Arguments... args)
{
  gridDim = grid;
  blockDim = Index3{threads, 1, 1};
  if (!waits) {
    for (unsigned i = 0; i < grid.x * grid.y * grid.z; ++i) {
      blockIdx = Index3{i % grid.x, i / grid.x % grid.y, i / (grid.x * grid.y)};
      for (unsigned t = 0; t < threads; ++t) {
        threadIdx = Index3{t, 0, 0};
        kernel((Parameters)args...);
      }
    }
    return true;
  }
  // A kernel that touched what it must not left its fibers somewhere.
  if (!are_idle || fibers.size() != threads) make_fibers(threads);
  are_idle = false;
  body = [=] { kernel((Parameters)args...); };
  diverged = false;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = Index3{x, y, z};
        run_block(reversed);
      }
  are_idle = true;
  return !diverged;
}

}  // namespace host

inline void __syncthreads()
{
  host::Fiber &fiber = host::fibers[host::current];
  ++fiber.barriers;
  host::leave(fiber);
}

inline int atomicAdd(int *address, int value)
{
  const int before = *address;
  *address += value;
  return before;
}

// Round to nearest even, as cvt.rn.f16.f32 does.
inline unsigned short half_from_float(float value)
{
  unsigned bits;
  memcpy(&bits, &value, 4);
  const unsigned sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7fff;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // rounds to 65536 or more
  if (magnitude < 0x38800000) {                       // subnormal: units of 2^-24
    float absolute;
    memcpy(&absolute, &magnitude, 4);
    return sign | (unsigned short)rintf(absolute * 16777216.0f);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

inline float float_from_half(unsigned short half)
{
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float absolute = exponent == 31 ? (fraction ? NAN : INFINITY)
                         : exponent     ? ldexpf(1024 + fraction, exponent - 25)
                                        : ldexpf(fraction, -24);
  return half & 0x8000 ? -absolute : absolute;
}
