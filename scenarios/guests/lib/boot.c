#include "boot.h"

#include "console.h"
#include "interrupts.h"

struct guest_boot_info boot;

#define CHOOSE(field) \
  if (boot.field == 0) boot.field = guest_defaults.field

static void read_boot_info(u32 eax, u32 ebx) {
  if (eax == GUEST_BOOT_EAX) {
    const struct guest_boot_info* given = (const struct guest_boot_info*)(u64)ebx;
    if (given->magic != GUEST_BOOT_MAGIC) panic("the boot information page has a wrong magic");
    if (given->version != GUEST_BOOT_VERSION || given->size != sizeof boot) {
      panic_value("boot information of another version:", given->version);
    }
    boot = *given;
  }
  CHOOSE(ram_pages);
  CHOOSE(dirty_pages_per_ms);
  CHOOSE(tick_us);
  CHOOSE(disk_blocks);
  CHOOSE(disk_interval_us);
  CHOOSE(blocks_per_write);
  CHOOSE(flush_every);
  if (boot.dirty_pages_per_ms == GUEST_NONE) boot.dirty_pages_per_ms = 0;
  if (boot.memory_first_page == 0) boot.memory_first_page = GUEST_IMAGE_END_PAGE;
  if (boot.memory_pages == 0 && boot.memory_first_page < boot.ram_pages) {
    u64 left = boot.ram_pages - boot.memory_first_page;
    boot.memory_pages = guest_defaults.memory_pages < left ? guest_defaults.memory_pages : left;
  }
}

static void check_boot_info(void) {
  if (boot.memory_first_page < GUEST_IMAGE_END_PAGE) {
    panic_value("memory pages must start at", GUEST_IMAGE_END_PAGE);
  }
  if (boot.memory_first_page + boot.memory_pages > boot.ram_pages ||
      boot.memory_first_page + boot.memory_pages < boot.memory_pages) {
    panic_value("memory pages must end before", boot.ram_pages);
  }
  if (boot.memory_first_page + boot.memory_pages > (4ull << 30) / PAGE_SIZE) {
    panic("memory pages must lie below 4 GiB: the page tables end there");
  }
}

/// Called by start.S with the registers that the loader set.
void guest_start(u32 eax, u32 ebx) {
  interrupts_set_up();
  read_boot_info(eax, ebx);
  check_boot_info();
  guest_main();
  guest_exit(0);
}
