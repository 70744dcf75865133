// A guest that tries what it must not do, and checks that each attempt is refused in the way the
// specification says. The last attempt may cost the processor its life, so it comes last.
#include "../lib/boot.h"
#include "../lib/console.h"
#include "../lib/detect.h"
#include "../lib/hypercall.h"
#include "../lib/interrupts.h"

const struct guest_boot_info guest_defaults = {.ram_pages = 4096, .memory_pages = 1};

enum {
  MSR_TIME_REF_COUNT = 0x40000020,
  MSR_EOM = 0x40000084,
  MSR_SINT5 = 0x40000095,
  MSR_UNUSED = 0x400000AF,  // between the SINTs and the timers: nothing is defined there
  CALL_CREATE_PARTITION = 0x0040,
  CALL_UNKNOWN = 0x0FFF,
};

static u8 page[2 * PAGE_SIZE] PAGE_ALIGNED;
static int failures;

static void expect(const char* what, bool holds) {
  print(holds ? "rights: refused: " : "rights: NOT REFUSED: ");
  print(what);
  print("\n");
  failures += !holds;
}

static void expect_status(const char* what, u64 result, u16 status) {
  expect(what, hypercall_status(result) == status);
  if (hypercall_status(result) != status)
    print_value("rights:   status was", hypercall_status(result));
}

static void write_zero(u64 msr) { wrmsr((u32)msr, 0); }
static void read_it(u64 msr) { (void)rdmsr((u32)msr); }
static void set_low_vector(u64 msr) { wrmsr((u32)msr, 15); }
static void enable_beyond_memory(u64 msr) { wrmsr((u32)msr, 0x000FFFFFFFFFF001ull); }
static void store_byte(u64 address) { *(volatile u8*)address = 0xCC; }

static void try_registers(void) {
  expect("writing VP_INDEX", raises_fault(write_zero, MSR_VP_INDEX));
  expect("writing TIME_REF_COUNT", raises_fault(write_zero, MSR_TIME_REF_COUNT));
  expect("reading an MSR that does not exist", raises_fault(read_it, MSR_UNUSED));
  expect("an interrupt source with vector 15", raises_fault(set_low_vector, MSR_SINT5));
  // The other way round once, or a hypervisor that refuses everything would pass.
  if (raises_fault(write_zero, MSR_EOM)) panic("EOM may be written, but was refused");
}

/// While nobody has said who the guest is, the hypercall page stays off. An overlay hides the page
/// below and gives it back unchanged.
static void try_overlay(void) {
  volatile u64* word = (volatile u64*)page;
  *word = 0x1122334455667788ull;
  wrmsr(MSR_HYPERCALL, (u64)page | 1);
  expect("a hypercall page without GUEST_OS_ID", !(rdmsr(MSR_HYPERCALL) & 1));
  wrmsr(MSR_GUEST_OS_ID, 0x8100ull << 48 | 1ull << 16);
  wrmsr(MSR_HYPERCALL, (u64)page | 1);
  expect("a hypercall page beyond memory", raises_fault(enable_beyond_memory, MSR_HYPERCALL));
  bool hidden = *word != 0x1122334455667788ull;
  wrmsr(MSR_HYPERCALL, 0);
  expect("a change of the page below an overlay", hidden && *word == 0x1122334455667788ull);
  wrmsr(MSR_GUEST_OS_ID, 0);
}

static void try_hypercalls(void) {
  u64 input = (u64)page;
  expect_status("a call that does not exist", hypercall(CALL_UNKNOWN, input, 0),
                HV_INVALID_HYPERCALL_CODE);
  expect_status("reserved bits in the control word",
                hypercall(CALL_POST_MESSAGE | 1ull << 63, input, 0), HV_INVALID_HYPERCALL_INPUT);
  expect_status("a repeat count for a simple call",
                hypercall(CALL_POST_MESSAGE | 1ull << 32, input, 0), HV_INVALID_HYPERCALL_INPUT);
  expect_status("a message in registers", hypercall(CALL_POST_MESSAGE | CALL_FAST, input, 0),
                HV_INVALID_HYPERCALL_INPUT);
  expect_status("input that is not aligned", hypercall(CALL_POST_MESSAGE, input + 4, 0),
                HV_INVALID_ALIGNMENT);
  expect_status("input across two pages", hypercall(CALL_POST_MESSAGE, input + PAGE_SIZE - 8, 0),
                HV_INVALID_ALIGNMENT);
  expect_status("creating a partition", hypercall(CALL_CREATE_PARTITION, input, input + PAGE_SIZE),
                HV_ACCESS_DENIED);
}

void guest_main(void) {
  if (!detect_hypervisor()) {
    print("rights: no Microsoft hypervisor found\n");
    guest_exit(2);
  }
  try_registers();
  try_overlay();
  hypercall_set_up();
  try_hypercalls();
  print_value("rights: failures so far", (u64)failures);
  print("rights: writing to the hypercall page now\n");
  // The page may be read and executed. A hypervisor answers with #GP, or stops the processor and
  // asks the parent; what it may not do is to let the store through.
  expect("writing to the hypercall page", raises_fault(store_byte, hypercall_page_address()));
  if (failures) guest_exit(1);
  print("rights: done\n");
}
