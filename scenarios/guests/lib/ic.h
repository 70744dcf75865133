// One integration component, guest side: opens its channel, agrees on versions whenever the host
// asks, hands requests to the component and sends its answers (spec D.3).
#pragma once

#include "ic_messages.h"
#include "vmbus.h"

enum { IC_RING_PAGES = 8, IC_MOST_BYTES = 2640 };

struct ic_component {
  struct guid interface_id;
  u16 type;
  struct ic_version versions[3];  ///< of the messages, best first
  u32 version_count;
  /// A request: what it changes in `body` goes back. Returns the status; IC_LATER: the answer comes
  /// by ic_answer().
  u32 (*request)(void* body, u32 bytes);

  struct channel* channel;
  u8 (*rings)[PAGE_SIZE];  ///< IC_RING_PAGES of them
  u64 transaction;         ///< of the request in hand
  u32 bytes;
  u64 requests;
  u8 message[IC_MOST_BYTES] __attribute__((aligned(8)));
};
#define IC_LATER 0xFFFFFFFFu

/// False when the host does not offer it.
bool ic_open(struct ic_component* component);
/// True when there was anything.
bool ic_poll(struct ic_component* component);
void ic_answer(struct ic_component* component, u32 status);
