// The patterns that guests leave in memory and on disk. Whoever looks at them from outside (tests,
// scenarios) uses the same functions as the guest. Pure arithmetic: no state, no library.
#pragma once

#ifdef __cplusplus
#include <cstdint>
#else
#include <stdint.h>
#endif

#define PATTERN_BLOCK_WORDS 64                    /* 512 bytes */
#define PATTERN_PAGE_WORDS 512                    /* 4096 bytes */
#define PATTERN_BLOCK_MAGIC 0x4b4c424d49535648ull /* "HVSIMBLK" */

/// One step of Marsaglia's xorshift64: every value but 0 leads to every other value but 0.
static inline uint64_t pattern_step(uint64_t x) {
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return x;
}

/// A check word that depends on every bit of both numbers.
static inline uint64_t pattern_check(uint64_t a, uint64_t b) {
  uint64_t x = (a + 0x9e3779b97f4a7c15ull) ^ (b << 32 | b >> 32);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// A page of guest memory after its `counter`-th write: {counter, page, check} in front and the
/// check once more in the last word, so that a torn page shows. `page` counts within the working
/// set. What lies between is left as it was.
static inline void pattern_page_write(volatile uint64_t* words, uint64_t counter, uint64_t page) {
  uint64_t check = pattern_check(counter, page);
  words[0] = counter;
  words[1] = page;
  words[2] = check;
  words[PATTERN_PAGE_WORDS - 1] = check;
}

/// Counter 0 stands for a page that was never written: all zero.
static inline int pattern_page_holds(const volatile uint64_t* words, uint64_t counter,
                                     uint64_t page) {
  uint64_t check = counter == 0 ? 0 : pattern_check(counter, page);
  return words[0] == counter && words[1] == (counter == 0 ? 0 : page) && words[2] == check &&
         words[PATTERN_PAGE_WORDS - 1] == check;
}

/// A disk block: {magic, sequence, block, check}, then words that follow from the check.
static inline void pattern_block_fill(uint64_t* words, uint64_t sequence, uint64_t block) {
  uint64_t x = pattern_check(sequence, block);
  words[0] = PATTERN_BLOCK_MAGIC;
  words[1] = sequence;
  words[2] = block;
  words[3] = x;
  x |= 1;
  for (int i = 4; i < PATTERN_BLOCK_WORDS; ++i) {
    x = pattern_step(x);
    words[i] = x;
  }
}

static inline int pattern_block_holds(const uint64_t* words, uint64_t sequence, uint64_t block) {
  uint64_t x = pattern_check(sequence, block);
  if (words[0] != PATTERN_BLOCK_MAGIC || words[1] != sequence || words[2] != block ||
      words[3] != x) {
    return 0;
  }
  x |= 1;
  for (int i = 4; i < PATTERN_BLOCK_WORDS; ++i) {
    x = pattern_step(x);
    if (words[i] != x) return 0;
  }
  return 1;
}

/// The disk pattern as arithmetic, so that nobody needs a table: write number n (from 1) of
/// `blocks` blocks goes to slot (n - 1) mod slots, where slots = disk_blocks / blocks.
static inline uint64_t pattern_slot_of(uint64_t sequence, uint64_t slots) {
  return (sequence - 1) % slots;
}

/// The newest write up to `last` that went to the slot of write `sequence`.
static inline uint64_t pattern_newest(uint64_t sequence, uint64_t last, uint64_t slots) {
  return sequence + (last - sequence) / slots * slots;
}
