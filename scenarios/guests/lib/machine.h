// The instructions that C has no word for, and the few types that every file needs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE_SIZE 4096u
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void outb(u16 port, u8 value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
static inline void outl(u16 port, u32 value) {
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline u64 rdmsr(u32 msr) {
  u32 low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
  return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value) {
  __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 rdtsc(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return (u64)high << 32 | low;
}

static inline void cli(void) { __asm__ volatile("cli" ::: "memory"); }
static inline void sti(void) { __asm__ volatile("sti" ::: "memory"); }
/// STI delays interrupts by one instruction, so none can slip in between it and HLT.
static inline void sti_hlt(void) { __asm__ volatile("sti; hlt" ::: "memory"); }
static inline void pause_cpu(void) { __asm__ volatile("pause" ::: "memory"); }

/// Orders every load and store before it against every one after it, also a store against a later
/// load, which x86 alone does not.
static inline void full_barrier(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
/// Loads after it are not done before it (paired with a release of the other side).
static inline void acquire_barrier(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
/// Stores before it are seen before stores after it.
static inline void release_barrier(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

void* memcpy(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);
