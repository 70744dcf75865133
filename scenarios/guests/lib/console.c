#include "console.h"

#include "../boot_info.h"

static void put(char c) { outb(GUEST_PORT_CONSOLE, (u8)c); }

void print(const char* text) {
  while (*text) put(*text++);
}

void print_u64(u64 value) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  while (n) put(digits[--n]);
}

void print_hex(u64 value) {
  print("0x");
  int shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

void print_value(const char* text, u64 value) {
  print(text);
  put(' ');
  print_u64(value);
  put('\n');
}

_Noreturn void guest_exit(u32 code) {
  cli();
  outl(GUEST_PORT_EXIT, code);
  // The host may take its time to switch the machine off: with interrupts off HLT is for ever.
  for (;;) __asm__ volatile("cli; hlt");
}

_Noreturn void panic(const char* text) {
  cli();
  print("PANIC: ");
  print(text);
  print("\n");
  guest_exit(1);
}

_Noreturn void panic_value(const char* text, u64 value) {
  cli();
  print("PANIC: ");
  print_value(text, value);
  guest_exit(1);
}
