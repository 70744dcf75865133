#include "heartbeat.h"

#include "console.h"
#include "vmbus.h"

enum {
  RING_PAGES = 8,
  PIPE_DATA = 1,

  IC_NEGOTIATE = 0,
  IC_HEARTBEAT = 1,
  IC_TRANSACTION = 1,
  IC_RESPONSE = 4,
};

struct version {
  u16 major, minor;
};

/// Integration components speak through a pipe: each packet has a pipe header, then the message.
struct __attribute__((packed)) ic_message {
  u32 pipe_type, pipe_bytes;
  struct version framework;
  u16 type;
  struct version message;
  u16 bytes;
  u32 status;
  u8 transaction, flags, reserved[2];
};
_Static_assert(sizeof(struct ic_message) == 28, "pipe header 8, ICMSG header 20");

struct ic_negotiation {
  u16 framework_count, message_count;
  u32 reserved;
  struct version versions[];  // framework versions first, then message versions
};

static const struct guid heartbeat_interface = {
    0x57164f39, 0x9115, 0x4e78, {0xab, 0x55, 0x38, 0x2f, 0x3b, 0xd5, 0x42, 0x2d}};
/// Best first, for the framework and for the heartbeat alike.
static const struct version known[] = {{3, 0}, {1, 0}};

static u8 ring_pages[RING_PAGES][PAGE_SIZE] PAGE_ALIGNED;
static struct channel* channel;
static u64 answers;

u64 heartbeat_answers(void) { return answers; }

static bool choose(const struct version* offered, u32 count, struct version* chosen) {
  for (u32 k = 0; k < COUNT_OF(known); ++k) {
    for (u32 i = 0; i < count; ++i) {
      if (offered[i].major != known[k].major || offered[i].minor != known[k].minor) continue;
      *chosen = known[k];
      return true;
    }
  }
  return false;
}

/// The host lists what it speaks; we answer with one pair, or with none. It may ask again at any
/// time: after a restore it does not know what was agreed.
static u32 negotiate(struct ic_negotiation* n, u32 bytes) {
  u32 frameworks = n->framework_count, messages = n->message_count;
  struct version framework = {0, 0}, message = {0, 0};
  if (sizeof *n + (frameworks + messages) * sizeof(struct version) > bytes) {
    panic("a negotiation that is shorter than it says");
  }
  bool agreed = choose(n->versions, frameworks, &framework) &&
                choose(n->versions + frameworks, messages, &message);
  n->framework_count = n->message_count = agreed;
  n->versions[0] = framework;
  n->versions[1] = message;
  return sizeof *n + 2 * sizeof(struct version);
}

static void on_packet(const struct packet_descriptor* packet, const void* payload, u32 bytes) {
  static u8 reply[512] __attribute__((aligned(8)));
  if (packet->type != PACKET_INBAND) return;
  if (bytes < sizeof(struct ic_message) || bytes > sizeof reply) {
    panic_value("a heartbeat message of impossible length:", bytes);
  }
  memcpy(reply, payload, bytes);
  struct ic_message* message = (struct ic_message*)reply;
  u8* body = reply + sizeof *message;
  u32 body_bytes = bytes - sizeof *message;
  if (message->type == IC_NEGOTIATE && body_bytes >= sizeof(struct ic_negotiation) + 8) {
    u32 answer_bytes = negotiate((struct ic_negotiation*)body, body_bytes);
    message->bytes = (u16)answer_bytes;
    message->pipe_bytes = 20 + answer_bytes;
  } else if (message->type == IC_HEARTBEAT && body_bytes >= sizeof(u64)) {
    u64 sequence;
    memcpy(&sequence, body, sizeof sequence);
    ++sequence;
    memcpy(body, &sequence, sizeof sequence);
    ++answers;
  } else {
    panic_value("a heartbeat message of unknown type:", message->type);
  }
  message->status = 0;
  message->flags = IC_TRANSACTION | IC_RESPONSE;
  // One answer per question, and the ring has room for many: full means that the host never reads.
  if (!channel_send(channel, PACKET_INBAND, 0, packet->transaction, NULL, 0, reply,
                    8 + message->pipe_bytes)) {
    panic("no room for a heartbeat answer");
  }
}

bool heartbeat_set_up(void) {
  channel = vmbus_find(&heartbeat_interface);
  if (channel == NULL) return false;
  channel_open(channel, ring_pages, RING_PAGES);
  return true;
}

bool heartbeat_poll(void) {
  if (channel == NULL || !channel->signalled) return false;
  channel_drain(channel, on_packet);
  return true;
}
