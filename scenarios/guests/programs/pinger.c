// Two of these on one network send each other numbered frames, answer each other's, and check every
// byte of what comes. One of them may be moved to another host meanwhile: frames may be lost then,
// as on any wire, but none may be wrong.
#include "../lib/boot.h"
#include "../lib/clock.h"
#include "../lib/console.h"
#include "../lib/detect.h"
#include "../lib/echo_work.h"
#include "../lib/heartbeat.h"
#include "../lib/hypercall.h"
#include "../lib/interrupts.h"
#include "../lib/memory_work.h"
#include "../lib/network.h"
#include "../lib/synic.h"
#include "../lib/timer.h"
#include "../lib/vmbus.h"

const struct guest_boot_info guest_defaults = {
    .ram_pages = 4096,  // 16 MiB
    .memory_pages = 1024,
    .dirty_pages_per_ms = 4,
    .tick_us = 1000,
    .disk_interval_us = 1000,  // it uses no disk
    .blocks_per_write = 1,
    .flush_every = 1,
};

enum { PAGES_PER_PASS = 64, DEFAULT_FRAME_INTERVAL_US = 1000 };

static u64 start;  // reference time at which work began

static void set_up(void) {
  hypercall_set_up();
  clock_set_up();
  synic_set_up();
  timer_set_up();
  vmbus_connect();
  if (!network_set_up()) panic("there is no network adapter");
  print("pinger: adapter ");
  for (u32 i = 0; i < MAC_BYTES; ++i) {
    static const char digits[] = "0123456789abcdef";
    char text[3] = {digits[network_mac()[i] >> 4], digits[network_mac()[i] & 15], 0};
    print(text);
  }
  print(", NVSP ");
  print_hex(network_version());
  print("\n");
  heartbeat_set_up();
  memory_work_set_up(boot.memory_first_page, boot.memory_pages, boot.seed);
  start = clock_now();
  u64 interval = boot.frame_interval_us ? boot.frame_interval_us : DEFAULT_FRAME_INTERVAL_US;
  echo_work_set_up(boot.seed, interval * TICKS_PER_US, start);
}

static bool dirty_memory(u64 now) {
  u64 due = (now - start) * boot.dirty_pages_per_ms / TICKS_PER_MS;
  u64 done = memory_work_writes();
  u64 count = due - done < PAGES_PER_PASS ? due - done : PAGES_PER_PASS;
  for (u64 i = 0; i < count; ++i) memory_work_write();
  return count != 0;
}

static void report_milestones(void) {
  static u64 next = 1;
  if (echo_counts.answered < next) return;
  next *= 10;
  print_value("pinger: answers so far", echo_counts.answered);
}

static void report(void) {
  memory_work_verify_all();
  print_value("pinger: sent", echo_counts.sent);
  print_value("pinger: answered", echo_counts.answered);
  print_value("pinger: lost", echo_counts.lost);
  print_value("pinger: gaps", echo_counts.gaps);
  print_value("pinger: answered again", echo_counts.again);
  print_value("pinger: answered late", echo_counts.late);
  print_value("pinger: others answered", echo_counts.others);
  print_value("pinger: longest silence in us", echo_counts.silence / TICKS_PER_US);
  print("pinger: done\n");
}

static u64 next_due(u64 now) {
  u64 tick = (u64)boot.tick_us * TICKS_PER_US;
  u64 due = start + ((now - start) / tick + 1) * tick;
  return echo_work_due() < due ? echo_work_due() : due;
}

/// After its report it goes on with answering: its peer may not be done.
static void run(void) {
  u64 stop = boot.stop_after_us ? start + boot.stop_after_us * TICKS_PER_US : ~0ull;
  bool reported = false;
  for (;;) {
    wake_clear();
    timer_poll();
    bool busy = vmbus_poll();
    busy |= network_poll(echo_work_frame);
    busy |= heartbeat_poll();

    u64 now = clock_now();
    if (now >= stop && !reported && echo_work_finish()) {
      report();
      reported = true;
    }
    busy |= echo_work_poll(now);
    busy |= dirty_memory(now);
    report_milestones();
    if (busy) continue;

    timer_alarm(next_due(now));
    sleep_until_wake();
  }
}

void guest_main(void) {
  if (!detect_hypervisor()) panic("there is no Microsoft hypervisor, so no network either");
  set_up();
  run();
}
