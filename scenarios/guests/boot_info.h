// What the loader tells a guest: one page at a fixed place, its address in EBX at entry. The same
// declaration serves the guests (C) and the loader (C++), so neither can misread the other.
#pragma once

#ifdef __cplusplus
#include <cstdint>
#define GUEST_STATIC_ASSERT static_assert
#else
#include <stdint.h>
#define GUEST_STATIC_ASSERT _Static_assert
#endif

/// EAX at entry. A multiboot loader says 0x2BADB002 instead and passes no boot information.
#define GUEST_BOOT_EAX 0x47535648u             /* "HVSG" */
#define GUEST_BOOT_MAGIC 0x4f464e49544f4f42ull /* "BOOTINFO" */
#define GUEST_BOOT_VERSION 1u
/// Where the loader puts the page: below 1 MiB, where no image may lie.
#define GUEST_BOOT_PAGE 0x8000u

/// A guest's program, stack and own data lie below this page; what is above is free for the memory
/// pattern. The build fails when a program outgrows it.
#define GUEST_IMAGE_END_PAGE 1024u /* 4 MiB */
/// The longest range of pages that the memory pattern can keep count of.
#define GUEST_MAX_PATTERN_PAGES (1u << 18) /* 1 GiB */
/// For `dirty_pages_per_ms`: really none, since zero means the default.
#define GUEST_NONE 0xFFFFFFFFu

/// Ports that every guest may use whatever devices its partition has.
#define GUEST_PORT_CONSOLE 0xE9 /* a byte to the debug console; a newline ends the line */
#define GUEST_PORT_EXIT 0xF4    /* the guest is done: 0 as it should be, anything else a failure */

/// Little-endian, no padding. A zero in a parameter means "the program's default", so that a loader
/// states only what it cares about; `seed` alone may really be 0.
struct guest_boot_info {
  uint64_t magic;      ///< GUEST_BOOT_MAGIC
  uint32_t version;    ///< GUEST_BOOT_VERSION
  uint32_t size;       ///< of this structure in bytes
  uint64_t ram_pages;  ///< RAM starts at 0 and has this many pages of 4096 bytes

  uint64_t memory_first_page;  ///< first page of the range that the memory pattern dirties, at
                               ///< least GUEST_IMAGE_END_PAGE, which is the default
  uint64_t memory_pages;        ///< how many; by default what the program likes and the RAM has
  uint32_t dirty_pages_per_ms;  ///< rate, in guest time; `hungry` ignores it
  uint32_t tick_us;             ///< longest sleep between two looks at the work that is due

  uint64_t disk_first_block;  ///< first block of 512 bytes that the disk pattern may write
  uint64_t disk_blocks;       ///< how many blocks it may write
  uint32_t disk_interval_us;  ///< guest time between two writes
  uint32_t blocks_per_write;  ///< 1 to 64
  uint32_t flush_every;       ///< writes between two flushes

  uint32_t frame_interval_us;  ///< guest time between two frames of `pinger`
  uint64_t seed;           ///< of every choice the guest makes
  uint64_t stop_after_us;  ///< guest time after which the program ends by itself; 0 never
};

GUEST_STATIC_ASSERT(sizeof(struct guest_boot_info) == 96, "layout shared with the loader");
