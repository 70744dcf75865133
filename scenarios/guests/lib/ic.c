#include "ic.h"

#include "console.h"

/// The component whose channel is drained: one after the other.
static struct ic_component* current;

static bool choose(const struct ic_version* known, u32 known_count,
                   const struct ic_version* offered, u32 count, struct ic_version* chosen) {
  for (u32 k = 0; k < known_count; ++k) {
    for (u32 i = 0; i < count; ++i) {
      if (offered[i].major != known[k].major || offered[i].minor != known[k].minor) continue;
      *chosen = known[k];
      return true;
    }
  }
  return false;
}

/// The host lists what it speaks; the answer is one pair, or none.
static u32 negotiate(struct ic_versions* n, u32 bytes) {
  static const struct ic_version frameworks[] = {{3, 0}, {1, 0}};
  struct ic_version framework = {0, 0}, message = {0, 0};
  u32 first = n->framework_count, second = n->message_count;
  if (bytes < sizeof *n + (first + second) * sizeof framework) {
    panic("a negotiation that is shorter than it says");
  }
  bool agreed =
      choose(frameworks, COUNT_OF(frameworks), n->versions, first, &framework) &&
      choose(current->versions, current->version_count, n->versions + first, second, &message);
  n->framework_count = n->message_count = agreed;
  n->versions[0] = framework;
  n->versions[1] = message;
  return sizeof *n + 2 * sizeof framework;
}

static void on_packet(const struct packet_descriptor* packet, const void* payload, u32 bytes) {
  struct ic_header* header = (struct ic_header*)current->message;
  if (packet->type != PACKET_INBAND) return;
  if (bytes < sizeof *header || bytes > sizeof current->message) {
    panic_value("a message of impossible length:", bytes);
  }
  memcpy(current->message, payload, bytes);
  current->transaction = packet->transaction;
  current->bytes = bytes;
  void* body = current->message + sizeof *header;
  u32 body_bytes = bytes - sizeof *header;
  if (header->type == IC_NEGOTIATE && body_bytes >= sizeof(struct ic_versions) + 8) {
    header->bytes = (u16)negotiate(body, body_bytes);
    header->pipe_bytes = 20u + header->bytes;
    return ic_answer(current, IC_OK);
  }
  if (header->type != current->type || body_bytes < header->bytes) {
    panic_value("a message of an unknown type:", header->type);
  }
  ++current->requests;
  u32 status = current->request(body, header->bytes);
  if (status != IC_LATER) ic_answer(current, status);
}

void ic_answer(struct ic_component* component, u32 status) {
  struct ic_header* header = (struct ic_header*)component->message;
  header->status = status;
  header->flags = IC_TRANSACTION | IC_RESPONSE;
  // One answer per question, and the ring has room for it: full means that the host never reads.
  if (!channel_send(component->channel, PACKET_INBAND, 0, component->transaction, NULL, 0,
                    component->message, 8 + header->pipe_bytes)) {
    panic("no room for an integration component's answer");
  }
}

bool ic_open(struct ic_component* component) {
  component->channel = vmbus_find(&component->interface_id);
  if (component->channel == NULL) return false;
  channel_open(component->channel, component->rings, IC_RING_PAGES);
  return true;
}

bool ic_poll(struct ic_component* component) {
  if (component->channel == NULL || !component->channel->signalled) return false;
  current = component;
  channel_drain(component->channel, on_packet);
  return true;
}
