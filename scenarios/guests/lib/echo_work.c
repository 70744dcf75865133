#include "echo_work.h"

#include "../pattern.h"
#include "clock.h"
#include "console.h"
#include "network.h"

enum {
  KIND_REQUEST = 1,
  KIND_ANSWER = 2,
  // Nobody may ever get one of these.
  KIND_FORGED = 3,
  KIND_STRAY = 4,
  ODD_EVERY = 64,
  TYPE_HIGH = 0x88,  // EtherType 0x88B5 is for experiments on the spot (IEEE 802)
  TYPE_LOW = 0xB5,
  WINDOW = 512,  // requests that are remembered
};
#define ECHO_PATIENCE (100ull * TICKS_PER_MS)

struct echo_frame {
  u8 to[MAC_BYTES], from[MAC_BYTES];
  u8 type[2];
  u16 kind;
  u64 sender, number, sent;
  u64 check;
  u64 filler[(FRAME_MOST - 48) / 8];
};
_Static_assert(offsetof(struct echo_frame, filler) == 48, "words lie on words");

enum fate { UNUSED, WAITING, ANSWERED, LOST };

struct echo_counts echo_counts;

static const u8 everybody[MAC_BYTES] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static struct {
  u64 seed, interval, next;
  u64 oldest;  // no request below it waits
  u8 peer[MAC_BYTES];
  u64 last_lost;
  bool finishing;
  u64 last_answer;
  struct {
    u64 number, sent;
    enum fate fate;
  } window[WINDOW];
  // Requests of others that wait for room: what does not fit is lost, as on any network.
  struct echo_frame answer;
  u32 answer_bytes;
} echo;

/// All lengths come up, the shortest and the longest among them.
static u32 length_of(u64 number) {
  u32 words = (FRAME_MOST - 48) / 8;
  return 48 + 8 * (u32)(2 + number * 7 % (words - 1));
}

static void fill(u64* words, u32 bytes, u64 check) {
  u64 x = check | 1;
  for (u32 i = 0; i < bytes / 8; ++i) words[i] = x = pattern_step(x);
}

static u64 check_of(const struct echo_frame* frame) {
  return pattern_check(pattern_check(frame->number, frame->sender), frame->sent);
}

static void must_hold(const struct echo_frame* frame, u32 bytes) {
  static u64 expected[COUNT_OF(frame->filler)];
  bool right = bytes == length_of(frame->number) && frame->check == check_of(frame);
  if (right) {
    fill(expected, bytes - 48, frame->check);
    right = memcmp(expected, frame->filler, bytes - 48) == 0;
  }
  if (right) return;
  print_value("a frame is wrong, its number:", frame->number);
  print_value("  its length:", bytes);
  panic("network corruption");
}

void echo_work_set_up(u64 seed, u64 interval, u64 now) {
  echo.seed = seed;
  echo.interval = interval;
  echo.next = echo.last_answer = now;
  echo.oldest = 1;
  memcpy(echo.peer, everybody, MAC_BYTES);
}

static bool answer_waits(void) {
  if (echo.answer_bytes == 0 || !network_send(&echo.answer, echo.answer_bytes)) return false;
  echo.answer_bytes = 0;
  ++echo_counts.others;
  return true;
}

static void take_request(const struct echo_frame* frame, u32 bytes) {
  memcpy(echo.peer, frame->from, MAC_BYTES);
  if (echo.answer_bytes != 0) return;
  memcpy(&echo.answer, frame, bytes);
  memcpy(echo.answer.to, frame->from, MAC_BYTES);
  memcpy(echo.answer.from, network_mac(), MAC_BYTES);
  echo.answer.kind = KIND_ANSWER;
  echo.answer_bytes = bytes;
  answer_waits();
}

static void take_answer(const struct echo_frame* frame) {
  u32 slot = frame->number % WINDOW;
  if (frame->sender != echo.seed || frame->number > echo_counts.sent) {
    panic_value("an answer to what was never asked:", frame->number);
  }
  memcpy(echo.peer, frame->from, MAC_BYTES);
  if (echo.window[slot].number != frame->number || echo.window[slot].fate == LOST) {
    ++echo_counts.late;
    return;
  }
  if (echo.window[slot].fate == ANSWERED) {
    ++echo_counts.again;
    return;
  }
  echo.window[slot].fate = ANSWERED;
  ++echo_counts.answered;
  u64 now = clock_now();
  if (echo_counts.answered > 1 && now - echo.last_answer > echo_counts.silence)
    echo_counts.silence = now - echo.last_answer;
  echo.last_answer = now;
}

void echo_work_frame(const u8* bytes, u32 count) {
  // A frame lies where its header ends at an even address, not at a word.
  static struct echo_frame frame;
  if (count < 48 || count > sizeof frame || bytes[12] != TYPE_HIGH || bytes[13] != TYPE_LOW) return;
  memcpy(&frame, bytes, count);
  must_hold(&frame, count);
  if (frame.kind == KIND_REQUEST) {
    take_request(&frame, count);
  } else if (frame.kind == KIND_ANSWER) {
    take_answer(&frame);
  } else if (frame.kind == KIND_FORGED) {
    panic("a frame with a forged address came through");
  } else if (frame.kind == KIND_STRAY) {
    panic("a frame for somebody else came through");
  } else {
    panic_value("a frame of unknown kind:", frame.kind);
  }
}

/// One frame says that it comes from a neighbour of the peer: a switch must not let it pass, let
/// alone learn from it. Another one is for that neighbour, whom nobody knows: it goes everywhere,
/// and every adapter must keep it from its guest.
static void send_odd_frame(struct echo_frame* frame, u32 bytes, u64 number) {
  bool forged = number % (2 * ODD_EVERY) == 0;
  memcpy(frame->to, forged ? everybody : echo.peer, MAC_BYTES);
  memcpy(frame->from, forged ? echo.peer : network_mac(), MAC_BYTES);
  u8* neighbour = forged ? frame->from : frame->to;
  neighbour[0] = 0x02;
  frame->kind = forged ? KIND_FORGED : KIND_STRAY;
  network_send(frame, bytes);
}

static bool send_request(u64 now) {
  static struct echo_frame frame;
  u64 number = echo_counts.sent + 1;
  u32 bytes = length_of(number);
  memcpy(frame.to, echo.peer, MAC_BYTES);
  memcpy(frame.from, network_mac(), MAC_BYTES);
  frame.type[0] = TYPE_HIGH;
  frame.type[1] = TYPE_LOW;
  frame.kind = KIND_REQUEST;
  frame.sender = echo.seed;
  frame.number = number;
  frame.sent = now;
  frame.check = check_of(&frame);
  fill(frame.filler, bytes - 48, frame.check);
  if (!network_send(&frame, bytes)) return false;
  echo_counts.sent = number;
  echo.window[number % WINDOW].number = number;
  echo.window[number % WINDOW].sent = now;
  echo.window[number % WINDOW].fate = WAITING;
  if (number % ODD_EVERY == 0) send_odd_frame(&frame, bytes, number);
  return true;
}

/// What has waited too long is lost. Requests are in the order of their time.
static void give_up(u64 now) {
  for (; echo.oldest <= echo_counts.sent; ++echo.oldest) {
    u32 slot = echo.oldest % WINDOW;
    if (echo.window[slot].number != echo.oldest || echo.window[slot].fate != WAITING) continue;
    bool overtaken = echo.oldest + WINDOW <= echo_counts.sent + 1;
    if (!overtaken && now - echo.window[slot].sent < ECHO_PATIENCE) return;
    echo.window[slot].fate = LOST;
    ++echo_counts.lost;
    // While nobody has ever answered nobody is there.
    bool goes_on = echo.oldest == echo.last_lost + 1;
    echo.last_lost = echo.oldest;
    if (goes_on || echo_counts.answered == 0) continue;
    ++echo_counts.gaps;
    print_value("echo: lost from", echo.oldest);
  }
}

bool echo_work_poll(u64 now) {
  bool any = answer_waits();
  give_up(now);
  if (echo.finishing || now < echo.next) return any;
  echo.next += echo.interval;
  if (echo.next < now) echo.next = now;  // what was missed is not made up for
  return send_request(now) || any;
}

u64 echo_work_due(void) {
  if (!echo.finishing) return echo.next;
  u32 slot = echo.oldest % WINDOW;
  return echo.oldest <= echo_counts.sent ? echo.window[slot].sent + ECHO_PATIENCE : ~0ull;
}

bool echo_work_finish(void) {
  echo.finishing = true;
  return echo.oldest > echo_counts.sent;
}
