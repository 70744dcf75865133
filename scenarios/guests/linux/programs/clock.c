// Watches the guest's clocks: `clock MILLISECONDS` reads CLOCK_REALTIME and CLOCK_MONOTONIC once a
// millisecond for so long. Every tenth reading is a line `guest: clock N`, N nanoseconds since
// 1970; a clock that shows less than it did is a line of its own. Without a C library: system
// calls alone.

typedef long long Ns;

enum { kWrite = 1, kNanosleep = 35, kExit = 60, kClockGettime = 228 };
enum { kRealtime = 0, kMonotonic = 1 };
enum { kLineEvery = 10 };
static const Ns kMillisecond = 1000000, kSecond = 1000000000;

struct Timespec {
  long seconds, nanoseconds;
};

static long system_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

static Ns read_clock(int which) {
  struct Timespec now;
  system_call(kClockGettime, which, (long)&now, 0);
  return now.seconds * kSecond + now.nanoseconds;
}

// A line leaves in one piece, so that no other program's comes between.
struct Line {
  char text[128];
  int length;
};

static void put_text(struct Line* line, const char* text) {
  while (*text != 0) line->text[line->length++] = *text++;
}

static void put_number(struct Line* line, Ns number) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  while (count > 0) line->text[line->length++] = digits[--count];
}

static void say(const char* before, Ns number, const char* after) {
  struct Line line;
  line.length = 0;
  put_text(&line, before);
  put_number(&line, number);
  put_text(&line, after);
  put_text(&line, "\n");
  system_call(kWrite, 1, (long)line.text, line.length);
}

static int watch(Ns duration) {
  const Ns end = read_clock(kMonotonic) + duration;
  Ns real = 0, before = 0;
  int back = 0;
  for (int count = 0; before < end; ++count) {
    const Ns monotonic = read_clock(kMonotonic);
    const Ns now = read_clock(kRealtime);
    if (monotonic < before) {
      say("guest: CLOCK_MONOTONIC ran back by ", before - monotonic, " ns");
      ++back;
    }
    if (now < real) {
      say("guest: CLOCK_REALTIME ran back by ", real - now, " ns");
      ++back;
    }
    before = monotonic;
    real = now;
    if (count % kLineEvery == 0) say("guest: clock ", now, "");
    const struct Timespec pause = {0, kMillisecond};
    system_call(kNanosleep, (long)&pause, 0, 0);
  }
  return back;
}

// Called with the stack as the kernel leaves it: the number of arguments, and then their addresses.
__attribute__((used)) void clock_main(const long* stack) {
  Ns milliseconds = 0;
  if (stack[0] > 1) {
    for (const char* digit = (const char*)stack[2]; *digit >= '0' && *digit <= '9'; ++digit) {
      milliseconds = milliseconds * 10 + (*digit - '0');
    }
  }
  const int back = watch(milliseconds * kMillisecond);
  if (back == 0) {
    say("guest: in ", milliseconds, " ms no clock ran back");
  } else {
    say("guest: clocks ran back ", back, " times");
  }
  system_call(kExit, back != 0, 0, 0);
}

__asm__(
    ".globl _start\n"
    "_start: mov %rsp, %rdi\n"
    "and $-16, %rsp\n"
    "call clock_main\n");
