// A guest with an ordinary day: it dirties memory at a stated rate, writes and flushes disk blocks,
// answers heartbeats, sleeps when nothing is due, and checks everything it reads. It never notices
// a live migration; if it does notice one, it panics, and that is the test.
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
#include "../lib/timer.h"
#include "../lib/vmbus.h"

const struct guest_boot_info guest_defaults = {
    .ram_pages = 16384,  // 64 MiB
    .memory_pages = 8192,
    .dirty_pages_per_ms = 8,
    .tick_us = 1000,
    .disk_interval_us = 2000,
    .blocks_per_write = 8,
    .flush_every = 4,
};

enum { PAGES_PER_PASS = 64, DRY_RUN_WRITES = 100000 };

static u64 start;  // reference time at which work began
static bool has_disk;

static void set_up(void) {
  hypercall_set_up();
  clock_set_up();
  synic_set_up();
  timer_set_up();
  vmbus_connect();
  print("worker: connected, VMBus ");
  print_u64(vmbus_version() >> 16);
  print(".");
  print_u64(vmbus_version() & 0xFFFF);
  print("\n");
  has_disk = storage_set_up();
  if (has_disk) print_value("worker: disk found, blocks", storage_blocks());
  if (heartbeat_set_up()) print("worker: heartbeat open\n");

  memory_work_set_up(boot.memory_first_page, boot.memory_pages, boot.seed);
  start = clock_now();
  if (has_disk) {
    struct disk_work_plan plan = {.first_block = boot.disk_first_block,
                                  .blocks = boot.disk_blocks,
                                  .interval = (u64)boot.disk_interval_us * TICKS_PER_US,
                                  .blocks_per_write = boot.blocks_per_write,
                                  .flush_every = boot.flush_every,
                                  .seed = boot.seed};
    disk_work_set_up(&plan, start);
  }
  print_value("worker: working set in pages", boot.memory_pages);
}

/// Dirties what is due by now, a bounded number of pages at a time, so that devices are looked at
/// in between.
static bool dirty_memory(u64 now) {
  u64 due = (now - start) * boot.dirty_pages_per_ms / TICKS_PER_MS;
  u64 done = memory_work_writes();
  u64 count = due - done < PAGES_PER_PASS ? due - done : PAGES_PER_PASS;
  for (u64 i = 0; i < count; ++i) memory_work_write();
  return count != 0;
}

static void report_milestones(void) {
  static u64 next = 1;
  if (disk_work_verified() < next) return;
  next *= 10;
  print_value("worker: flushed and read back, writes so far", disk_work_writes());
}

static void finish(void) {
  memory_work_verify_all();
  print_value("worker: pages written", memory_work_writes());
  print_value("worker: disk writes", disk_work_writes());
  print_value("worker: read back", disk_work_verified());
  print_value("worker: heartbeats answered", heartbeat_answers());
  print("worker: done\n");
  guest_exit(0);
}

/// The next instant at which something is due although nobody calls. Ticks lie on a grid, so that
/// being woken in between does not shift them.
static u64 next_due(u64 now) {
  u64 tick = (u64)boot.tick_us * TICKS_PER_US;
  u64 due = start + ((now - start) / tick + 1) * tick;
  u64 disk = has_disk ? disk_work_due() : ~0ull;
  return disk < due ? disk : due;
}

static void run(void) {
  u64 stop = boot.stop_after_us ? start + boot.stop_after_us * TICKS_PER_US : ~0ull;
  for (;;) {
    wake_clear();
    timer_poll();
    bool busy = vmbus_poll();
    busy |= storage_poll();
    busy |= heartbeat_poll();

    u64 now = clock_now();
    if (now >= stop && (!has_disk || disk_work_finish())) finish();
    if (has_disk) busy |= disk_work_poll(now);
    busy |= dirty_memory(now);
    report_milestones();
    if (busy) continue;  // look again: there may be more

    timer_alarm(next_due(now));
    sleep_until_wake();
  }
}

/// Without a Microsoft hypervisor there is no clock, no disk and no heartbeat; memory can be
/// checked all the same.
static void dry_run(void) {
  print("worker: no Microsoft hypervisor found, memory pattern alone\n");
  memory_work_set_up(boot.memory_first_page, boot.memory_pages, boot.seed);
  for (int i = 0; i < DRY_RUN_WRITES; ++i) memory_work_write();
  memory_work_verify_all();
  print_value("worker: pages written", memory_work_writes());
}

void guest_main(void) {
  if (detect_hypervisor()) {
    set_up();
    run();
  } else {
    dry_run();
  }
}
