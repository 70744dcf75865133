// A VMBus client: agree on a version, hear what is offered, open channels (spec C.1 to C.4).
#pragma once

#include "machine.h"
#include "ring.h"
#include "vmbus_messages.h"

struct channel {
  struct vmbus_offer offer;
  bool offered;  ///< the host has it and we may use its relid
  bool open;
  bool closing;
  u32 gpadl;
  struct ring outgoing;  ///< guest to host: the first pages of the GPADL
  struct ring incoming;  ///< host to guest: the rest

  bool signalled;        ///< the host rang since the last look
  bool created, opened;  ///< an answer has come; the statuses are valid
  u32 created_status, opened_status;
};

/// Agrees on a version and collects all offers. Panics when no version fits.
void vmbus_connect(void);
u32 vmbus_version(void);

/// The first offered channel of a class that is not open yet; NULL when there is none.
struct channel* vmbus_find(const struct guid* interface_id);

/// Tells the host that there is something for it in the channel's rings.
void vmbus_signal(const struct channel* channel);

/// Shares `pages` (page-aligned, zeroed) with the host as both rings, half each, and opens.
void channel_open(struct channel* channel, void* pages, u32 page_count);

/// Lets the host use further pages (page-aligned) as long as the channel is open. Returns the
/// handle by which the device's own protocol names them.
u32 channel_lend(struct channel* channel, const void* pages, u32 page_count);

/// Sends one packet. False when the ring has no room; the host signals when it has. Sending on a
/// channel that the host took back is a panic.
bool channel_send(struct channel* channel, u16 type, u16 flags, u64 transaction, const void* extra,
                  u32 extra_bytes, const void* payload, u32 payload_bytes);

/// Calls `packet` for everything in the incoming ring.
typedef void packet_function(const struct packet_descriptor* packet, const void* payload,
                             u32 bytes);
void channel_drain(struct channel* channel, packet_function* packet);

/// The last thing that a program may do with the bus: returns when the host has let go of all.
void vmbus_leave(void);

/// Looks at messages and event flags once; true when there was anything. A channel whose flag was
/// set has `signalled` set.
bool vmbus_poll(void);
