// The smallest enlightened guest: find the hypervisor, say who we are, call it once, stop.
#include "../lib/boot.h"
#include "../lib/console.h"
#include "../lib/detect.h"
#include "../lib/hypercall.h"

const struct guest_boot_info guest_defaults = {.ram_pages = 4096, .memory_pages = 1};

void guest_main(void) {
  print("hello: 64-bit mode\n");
  if (!detect_hypervisor()) {
    print("hello: no Microsoft hypervisor found\n");
    guest_exit(2);
  }
  print("hello: the hypervisor calls itself ");
  print(hypervisor.vendor);
  print("\n");

  hypercall_set_up();
  print("hello: hypercall page at ");
  print_hex(hypercall_page_address());
  print("\n");

  // A hint that needs no privilege: "I have been spinning for long". Its answer is always success.
  u64 result = hypercall(CALL_NOTIFY_LONG_SPIN_WAIT | CALL_FAST, 1, 0);
  print_value("hello: a hint was taken with status", hypercall_status(result));
  // And a call that must fail: nobody has connection 0xABCDEF.
  print_value("hello: a signal to nowhere was refused with status", signal_event(0xABCDEF, 0));
  print("hello: done\n");
}
