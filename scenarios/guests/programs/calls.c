// A guest that asks its hypervisor for everything a small guest may ask for, and checks each
// answer: hypercalls over lists that take so long that they are continued, synthetic timers of
// every kind, both clocks, and more messages than a port has buffers. Then it watches the clocks
// until it is told to stop; if it is moved meanwhile, it must not notice.
#include "../lib/boot.h"
#include "../lib/clock.h"
#include "../lib/console.h"
#include "../lib/detect.h"
#include "../lib/hypercall.h"
#include "../lib/interrupts.h"
#include "../lib/synic.h"
#include "../lib/vmbus_messages.h"

const struct guest_boot_info guest_defaults = {
    .ram_pages = 4096,
    .memory_pages = 1,
};

enum {
  MSR_VP_RUNTIME = 0x40000010,
  MSR_TIME_REF_COUNT = 0x40000020,
  MSR_STIMER0_CONFIG = 0x400000B0,
  MSR_STIMER0_COUNT = 0x400000B1,

  CALL_FLUSH_VIRTUAL_ADDRESS_LIST = 0x0003,
  CALL_GET_PARTITION_ID = 0x0046,
  CALL_GET_VP_REGISTERS = 0x0050,

  REGISTER_VP_INDEX = 0x00090003,
  REGISTER_TIME_REF_COUNT = 0x00090004,
  REGISTER_UNKNOWN = 0x000FFFFF,

  TIMER_ENABLE = 1,
  TIMER_PERIODIC = 2,
  TIMER_AUTO_ENABLE = 8,
  TIMER_SINT = SINT_TIMER << 16,

  CONNECTION_CONTROL = 1,
  VERSION_2_4 = 0x00020004,
  PORT_BUFFERS = 16,
  CONTACTS = 24,
  LONG_LIST = 400,

  DEFAULT_STOP_AFTER_US = 100000,
};

/// Input and output of hypercalls, a page each.
static u64 input[PAGE_SIZE / 8] PAGE_ALIGNED;
static u64 output[PAGE_SIZE / 8] PAGE_ALIGNED;
static u8 bus_page[PAGE_SIZE] PAGE_ALIGNED;
static u64 failures;

static void expect(const char* what, bool holds) {
  if (holds) return;
  ++failures;
  print("calls: WRONG: ");
  print(what);
  print("\n");
}

static u64 reps_done(u64 result) { return result >> 32 & 0xFFF; }

static u64 rep_call(u16 code, u64 count) {
  return hypercall(code | count << 32, (u64)input, (u64)output);
}

// ---------------------------------------------------------------- hypercalls

/// A header that names this processor of this partition, then register names.
static u64 get_registers(const u32* names, u64 count) {
  input[0] = ~0ull;
  input[1] = 0xFFFFFFFEull;
  memcpy(&input[2], names, count * sizeof *names);
  return rep_call(CALL_GET_VP_REGISTERS, count);
}

static void try_hypercalls(void) {
  static const u32 known[] = {REGISTER_VP_INDEX, REGISTER_TIME_REF_COUNT, REGISTER_TIME_REF_COUNT};
  u64 result = get_registers(known, COUNT_OF(known));
  expect("three registers are read", hypercall_status(result) == HV_SUCCESS);
  expect("a list ends when it is done", reps_done(result) == COUNT_OF(known));
  expect("the counter grows within one call", output[4] > output[2]);

  static const u32 broken[] = {REGISTER_VP_INDEX, REGISTER_UNKNOWN, REGISTER_VP_INDEX};
  result = get_registers(broken, COUNT_OF(broken));
  expect("an unknown register is refused", hypercall_status(result) == HV_INVALID_PARAMETER);
  expect("a list ends where it fails", reps_done(result) == 1);

  // Half a microsecond an element: the hypervisor gives the processor back in between.
  memset(input, 0, sizeof input);
  input[1] = 1;  // all processors
  result = rep_call(CALL_FLUSH_VIRTUAL_ADDRESS_LIST, LONG_LIST);
  expect("a long list is done in the end", hypercall_status(result) == HV_SUCCESS);
  expect("a long list is done whole", reps_done(result) == LONG_LIST);

  result = hypercall(CALL_GET_PARTITION_ID, 0, (u64)output);
  expect("a privilege is asked for", hypercall_status(result) == HV_ACCESS_DENIED);
}

static void read_runtime(u64 msr) { (void)rdmsr((u32)msr); }

// ---------------------------------------------------------------- clocks

/// The page's time lies between two readings of the counter.
static void compare_clocks(void) {
  u64 before = rdmsr(MSR_TIME_REF_COUNT);
  u64 page = clock_now();
  u64 after = rdmsr(MSR_TIME_REF_COUNT);
  expect("the counter grows", after > before);
  expect("the page agrees with the counter", page + 1 >= before && page <= after + 1);
}

// ---------------------------------------------------------------- timers

struct ring {
  u32 timer;
  u32 reserved;
  u64 expiration;
  u64 delivery;
};

static bool take_ring(struct ring* ring) {
  struct synic_message message;
  if (!synic_take_message(SINT_TIMER, &message)) return false;
  expect("the timer's source has timers' messages only", message.type == MESSAGE_TIMER_EXPIRED);
  memcpy(ring, message.payload, sizeof *ring);
  expect("no timer rings before its time", ring->delivery >= ring->expiration);
  return true;
}

static void program(u32 timer, u64 config, u64 count) {
  wrmsr(MSR_STIMER0_COUNT + 2 * timer, count);
  wrmsr(MSR_STIMER0_CONFIG + 2 * timer, config);
}

/// The next ring before a time; false when there is none.
static bool ring_until(u64 until, struct ring* ring) {
  do {
    if (take_ring(ring)) return true;
  } while (clock_now() < until);
  return false;
}

static void try_timers(void) {
  struct ring ring;
  u64 due = clock_now() + 200 * TICKS_PER_US;
  program(0, TIMER_SINT | TIMER_ENABLE, due);
  expect("a timer rings", ring_until(due + TICKS_PER_MS, &ring));
  expect("a ring names its timer and its time", ring.timer == 0 && ring.expiration == due);
  expect("a timer of one shot is off then", !(rdmsr(MSR_STIMER0_CONFIG) & TIMER_ENABLE));
  expect("it rings once", !ring_until(clock_now() + TICKS_PER_MS, &ring));

  u64 past = clock_now() - 1;
  program(1, TIMER_SINT | TIMER_ENABLE, past);
  expect("a time in the past rings at once", ring_until(past + TICKS_PER_MS, &ring));
  expect("a ring of the past names its time", ring.timer == 1 && ring.expiration == past);

  program(2, TIMER_SINT | TIMER_ENABLE, clock_now() + 300 * TICKS_PER_US);
  wrmsr(MSR_STIMER0_COUNT + 4, 0);
  expect("a stopped timer is off", !(rdmsr(MSR_STIMER0_CONFIG + 4) & TIMER_ENABLE));
  expect("a stopped timer does not ring", !ring_until(clock_now() + TICKS_PER_MS, &ring));

  program(3, TIMER_SINT | TIMER_ENABLE | TIMER_PERIODIC, 100 * TICKS_PER_US);
  u64 last = 0;
  for (int i = 0; i < 10; ++i) {
    expect("a periodic timer rings", ring_until(clock_now() + TICKS_PER_MS, &ring));
    bool next = last == 0 || ring.expiration == last + 100 * TICKS_PER_US;
    expect("a periodic timer keeps its period", ring.timer == 3 && next);
    last = ring.expiration;
  }
  wrmsr(MSR_STIMER0_COUNT + 6, 0);
  while (take_ring(&ring)) continue;
}

// ---------------------------------------------------------------- messages

/// More answers than the host has buffers for, while nobody empties the slot.
static void fill_port(void) {
  struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT,
                                           .version = VERSION_2_4,
                                           .interrupt_page = (u64)bus_page};
  for (int i = 0; i < CONTACTS; ++i) {
    u16 status;
    do {
      status = post_message(CONNECTION_CONTROL, MESSAGE_VMBUS, &contact, sizeof contact);
    } while (status == HV_INSUFFICIENT_BUFFERS);
    expect("a contact is posted", status == HV_SUCCESS);
  }
  u64 rest = clock_now() + 3 * TICKS_PER_MS;
  while (clock_now() < rest) pause_cpu();
  struct synic_message message;
  u64 answers = 0;
  u64 quiet = clock_now() + 5 * TICKS_PER_MS;
  while (clock_now() < quiet) {
    if (!synic_take_message(SINT_VMBUS, &message)) continue;
    ++answers;
    quiet = clock_now() + 5 * TICKS_PER_MS;
  }
  // One in the slot, the buffers full, and one more: a new contact may take back older answers
  // that were not sent yet, but not its own.
  expect("the buffers were full", answers > PORT_BUFFERS + 1);
  expect("a message of no type is refused",
         post_message(CONNECTION_CONTROL, 0, &contact, sizeof contact) == HV_INVALID_PARAMETER);
  expect("a signal to nowhere is refused", signal_event(0xABCDEF, 0) == HV_INVALID_CONNECTION_ID);
}

// ---------------------------------------------------------------- the rest of the day

static void watch(u64 until) {
  u64 rings = 0;
  program(0, TIMER_SINT | TIMER_ENABLE | TIMER_PERIODIC, TICKS_PER_MS);
  while (clock_now() < until) {
    struct ring ring;
    wake_clear();
    if (take_ring(&ring)) {
      ++rings;
      compare_clocks();
    } else {
      sleep_until_wake();
    }
  }
  wrmsr(MSR_STIMER0_COUNT, 0);
  print_value("calls: rings of the last timer", rings);
}

void guest_main(void) {
  if (!detect_hypervisor()) {
    print("calls: no Microsoft hypervisor found\n");
    guest_exit(2);
  }
  hypercall_set_up();
  clock_set_up();
  synic_set_up();
  sti();
  u64 length = boot.stop_after_us ? boot.stop_after_us : DEFAULT_STOP_AFTER_US;
  u64 stop = clock_now() + length * TICKS_PER_US;
  try_hypercalls();
  expect("VP_RUNTIME is refused", raises_fault(read_runtime, MSR_VP_RUNTIME));
  compare_clocks();
  try_timers();
  fill_port();
  print_value("calls: answers that were wrong so far:", failures);
  watch(stop);
  if (failures) guest_exit(1);
  print("calls: done\n");
}
