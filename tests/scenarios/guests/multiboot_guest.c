// A kernel that any multiboot loader starts: it says on the serial port what it was told, and ends
// by the port for that.
typedef unsigned char u8;
typedef unsigned u32;
typedef unsigned long long u64;

__asm__(
    "  .section .multiboot, \"a\"\n"
    "  .balign 4\n"
    "  .long 0x1BADB002, 3, -(0x1BADB002 + 3)\n"  // modules on pages, sizes of memory
    "  .section .text.start, \"ax\"\n"
    "  .globl _start\n"
    "_start:\n"
    "  cli\n"
    "  movl $stack_end, %esp\n"
    "  pushl %ebx\n"
    "  pushl %eax\n"
    "  call kernel\n"
    "1: hlt\n"
    "  jmp 1b\n"
    "  .section .bss\n"
    "  .skip 8192\n"
    "stack_end:\n"
    "  .text\n");

enum { kSerial = 0x3F8, kSerialStatus = 0x3FD, kRoom = 0x20, kExit = 0xF4 };
enum { kEntered = 0x2BADB002, kSizes = 1, kLine = 4, kModules = 8, kMap = 64, kUsable = 1 };

struct module {
  u32 begin, end, name, reserved;
};
struct information {
  u32 flags, lower, upper, boot_device, line, module_count, modules, symbols[4], map_bytes, map;
};
struct region {
  u32 size;
  u64 base, bytes;
  u32 type;
} __attribute__((packed));

static u8 inb(u32 port) {
  u8 value;
  __asm__ volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static void outb(u32 port, u8 value) {
  __asm__ volatile("outb %0, %w1" : : "a"(value), "Nd"(port));
}
static void outl(u32 port, u32 value) {
  __asm__ volatile("outl %0, %w1" : : "a"(value), "Nd"(port));
}

static void say(const char* text) {
  for (; *text; ++text) {
    while (!(inb(kSerialStatus) & kRoom)) {
    }
    outb(kSerial, (u8)*text);
  }
}

static void say_number(u32 value) {
  char digits[11] = {0};
  int at = 10;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  say(digits + at);
}

static u32 control_register(void) {
  u32 value;
  __asm__ volatile("movl %%cr0, %0" : "=r"(value));
  return value;
}

/// Whether one usable region of the map has all of [begin, end).
static int mapped(const struct information* info, u32 begin, u32 end) {
  for (u32 at = info->map; at < info->map + info->map_bytes;) {
    const struct region* region = (const struct region*)at;
    if (region->type == kUsable && region->base <= begin && region->base + region->bytes >= end) {
      return 1;
    }
    at += region->size + sizeof region->size;
  }
  return 0;
}

static void say_module(const struct information* info) {
  const struct module* module = (const struct module*)info->modules;
  u32 sum = 0;
  for (u32 at = module->begin; at < module->end; ++at) sum = sum * 31 + *(const u8*)at;
  say("multiboot: a module of ");
  say_number(module->end - module->begin);
  say(module->begin % 4096 == 0 ? " bytes on a page" : " bytes");
  say(", sum ");
  say_number(sum);
  say(mapped(info, module->begin, module->end) ? ", in the map\n" : ", not in the map\n");
}

/// The first word of the line is what the loader calls the kernel.
static void say_arguments(const char* line) {
  while (*line && *line != ' ') ++line;
  say("multiboot: told");
  say(line);
  say("\n");
}

void kernel(u32 magic, const struct information* info) {
  extern char _start[];
  say(magic == kEntered ? "multiboot: entered\n" : "multiboot: entered by somebody else\n");
  say((control_register() & 0x80000001) == 1 ? "multiboot: protected, no paging\n"
                                             : "multiboot: another mode\n");
  if (info->flags & kSizes) {
    // Firmware keeps something for itself, each its own amount.
    say("multiboot: about ");
    say_number((info->upper + 512) / 1024);
    say(" MiB above the first\n");
  }
  if (info->flags & kLine) say_arguments((const char*)info->line);
  if (info->flags & kMap) {
    const u32 here = (u32)_start;
    say(mapped(info, here, here + 4096) ? "multiboot: the map has this place\n"
                                        : "multiboot: the map has no such place\n");
  }
  if (info->flags & kModules && info->module_count == 1) say_module(info);
  outl(kExit, 5);
}
