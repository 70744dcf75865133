// A guest that its host can talk to: besides what `worker` does with its disk it uses every
// integration service that it is offered. Its disk comes to rest when a backup asks for it, it
// switches itself off when it is asked to, it keeps key-value pairs, and its clock is the host's. A
// disk that is taken out is no accident: it waits for another one.
#include "../lib/services.h"

#include "../lib/boot.h"
#include "../lib/clock.h"
#include "../lib/console.h"
#include "../lib/detect.h"
#include "../lib/disk_work.h"
#include "../lib/heartbeat.h"
#include "../lib/hypercall.h"
#include "../lib/interrupts.h"
#include "../lib/storage.h"
#include "../lib/synic.h"
#include "../lib/timer.h"
#include "../lib/vmbus.h"

const struct guest_boot_info guest_defaults = {
    .ram_pages = 4096,  // 16 MiB
    .memory_pages = 1,
    .dirty_pages_per_ms = 1,
    .tick_us = 10000,
    .disk_interval_us = 2000,
    .blocks_per_write = 8,
    .flush_every = 4,
};

static enum { NO_DISK, WORKING, RESTING, GONE } disk;

static void begin_disk_work(void) {
  // Another disk may be of another size.
  u64 blocks = boot.disk_blocks < storage_blocks() ? boot.disk_blocks : storage_blocks();
  struct disk_work_plan plan = {.first_block = boot.disk_first_block,
                                .blocks = blocks,
                                .interval = (u64)boot.disk_interval_us * TICKS_PER_US,
                                .blocks_per_write = boot.blocks_per_write,
                                .flush_every = boot.flush_every,
                                .seed = boot.seed};
  disk_work_set_up(&plan, clock_now());
  disk = WORKING;
  print_value("services: disk found, blocks", storage_blocks());
}

static void set_up(void) {
  hypercall_set_up();
  clock_set_up();
  synic_set_up();
  timer_set_up();
  vmbus_connect();
  if (storage_set_up()) begin_disk_work();
  heartbeat_set_up();
  print_value("services: besides the heartbeat the host offers", services_set_up());
}

/// True when there was anything to do.
static bool use_disk(u64 now, bool ends) {
  bool rest = services_want_rest();
  if (disk != GONE && disk != NO_DISK && storage_gone()) {
    if (!disk_work_drop()) return false;
    print("services: the disk is gone\n");
    disk = GONE;
  }
  switch (disk) {
    case GONE:
    case NO_DISK:
      if (rest) services_at_rest();
      if (rest || ends || !storage_find_again()) return false;
      begin_disk_work();
      return true;
    case WORKING: {
      bool done = (rest || ends) && disk_work_finish();
      if (done && rest) {
        disk = RESTING;
        print_value("services: the disk rests, writes so far", disk_work_writes());
        services_at_rest();
      }
      return done ? false : disk_work_poll(now);
    }
    case RESTING:
      if (rest) return false;
      print("services: the disk works again\n");
      disk_work_go_on();
      disk = WORKING;
      return true;
  }
  return false;
}

static void finish(void) {
  print_value("services: disk writes", disk_work_writes());
  print_value("services: read back", disk_work_verified());
  print_value("services: requests of the host", services_requests());
  print_value("services: clock set", services_time_sets());
  print_value("services: heartbeats answered", heartbeat_answers());
  vmbus_leave();
  print("services: done\n");
  guest_exit(0);
}

static u64 next_due(u64 now) {
  u64 due = now + (u64)boot.tick_us * TICKS_PER_US;
  if (disk == WORKING && disk_work_due() < due) due = disk_work_due();
  return services_due() < due ? services_due() : due;
}

void guest_main(void) {
  if (!detect_hypervisor()) panic("there is no Microsoft hypervisor, so no services either");
  set_up();
  u64 start = clock_now();
  u64 stop = boot.stop_after_us ? start + boot.stop_after_us * TICKS_PER_US : ~0ull;
  for (;;) {
    wake_clear();
    timer_poll();
    bool busy = vmbus_poll();
    busy |= storage_poll();
    busy |= heartbeat_poll();
    busy |= services_poll();

    u64 now = clock_now();
    bool ends = services_want_end() || now >= stop;
    busy |= use_disk(now, ends);
    if (ends && (disk != WORKING || disk_work_finish())) finish();
    if (busy) continue;  // look again: there may be more

    timer_alarm(next_due(now));
    sleep_until_wake();
  }
}
