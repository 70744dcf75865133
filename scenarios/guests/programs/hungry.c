// A guest that dirties its working set as fast as the processor can: pre-copy never catches up with
// it, so a migration must stop it by the round limit. A slow trickle of disk writes goes on.
#include "../lib/boot.h"
#include "../lib/clock.h"
#include "../lib/console.h"
#include "../lib/detect.h"
#include "../lib/disk_work.h"
#include "../lib/heartbeat.h"
#include "../lib/hypercall.h"
#include "../lib/interrupts.h"
#include "../lib/memory_work.h"
#include "../lib/storage.h"
#include "../lib/synic.h"
#include "../lib/vmbus.h"

const struct guest_boot_info guest_defaults = {
    .ram_pages = 16384,  // 64 MiB
    .memory_pages = 12288,
    .dirty_pages_per_ms = 1,
    .tick_us = 1000,
    .disk_interval_us = 20000,
    .blocks_per_write = 8,
    .flush_every = 2,
};

enum { PAGES_PER_PASS = 256 };

static bool set_up(void) {
  hypercall_set_up();
  clock_set_up();
  synic_set_up();
  vmbus_connect();
  bool has_disk = storage_set_up();
  heartbeat_set_up();
  memory_work_set_up(boot.memory_first_page, boot.memory_pages, boot.seed);
  if (!has_disk) return false;
  struct disk_work_plan plan = {.first_block = boot.disk_first_block,
                                .blocks = boot.disk_blocks,
                                .interval = (u64)boot.disk_interval_us * TICKS_PER_US,
                                .blocks_per_write = boot.blocks_per_write,
                                .flush_every = boot.flush_every,
                                .seed = boot.seed};
  disk_work_set_up(&plan, clock_now());
  return true;
}

void guest_main(void) {
  if (!detect_hypervisor()) {
    print("hungry: no Microsoft hypervisor found\n");
    guest_exit(2);
  }
  bool has_disk = set_up();
  print_value("hungry: working set in pages", boot.memory_pages);
  u64 start = clock_now();
  for (u64 now = start;; now = clock_now()) {
    for (int i = 0; i < PAGES_PER_PASS; ++i) memory_work_write();
    wake_clear();
    vmbus_poll();
    storage_poll();
    heartbeat_poll();
    if (has_disk) disk_work_poll(now);
    bool over = boot.stop_after_us && now - start >= boot.stop_after_us * TICKS_PER_US;
    if (over && (!has_disk || disk_work_finish())) break;
  }
  memory_work_verify_all();
  print_value("hungry: pages written", memory_work_writes());
  print_value("hungry: disk writes", disk_work_writes());
  print("hungry: done\n");
}
