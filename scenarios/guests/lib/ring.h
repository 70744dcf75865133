// One ring buffer of a channel: a producer on one side, a consumer on the other, and four words of
// shared state (spec C.5). Both halves are here; a guest produces into one ring of a channel and
// consumes from the other. Nothing in this file knows how a signal is sent: functions say whether
// one is due. So the same code also runs in a test on the host.
#pragma once

#include "machine.h"

/// First page of a ring. Indices count bytes from the start of the data, are multiples of 8 and
/// wrap at its size. Equal indices mean empty, therefore a ring is never filled to the last 8
/// bytes.
struct ring_header {
  volatile u32 write_index;      ///< only the producer changes it
  volatile u32 read_index;       ///< only the consumer changes it
  volatile u32 interrupt_mask;   ///< consumer's: "do not signal me, I am looking"
  volatile u32 pending_send_sz;  ///< producer's: "signal me when this much is free"
  u32 reserved[12];
  volatile u32 feature_bits;  ///< bit 0: the consumer honours pending_send_sz
  u8 rest[4096 - 68];
};
_Static_assert(sizeof(struct ring_header) == 4096, "spec C.5");

enum { RING_FEATURE_PENDING_SEND = 1 };

struct ring {
  struct ring_header* header;
  u8* data;
  u32 size;  ///< bytes of data, a multiple of 4096
};

/// Packet types (spec C.6).
enum { PACKET_INBAND = 6, PACKET_GPA_DIRECT = 9, PACKET_COMPLETION = 11 };

/// Every packet starts with this; lengths count units of 8 bytes.
struct packet_descriptor {
  u16 type;
  u16 offset8;  ///< from the start of the packet to the payload
  u16 len8;     ///< whole packet without its trailer
  u16 flags;    ///< bit 0: the sender wants a completion
  u64 transaction;
};
_Static_assert(sizeof(struct packet_descriptor) == 16, "spec C.6");

enum { PACKET_WANTS_COMPLETION = 1 };

/// What GPA-direct packets carry between descriptor and payload: one range of guest memory, named
/// by its pages. The device reads or writes it without the data ever entering the ring.
struct gpa_direct_range {
  u32 reserved;
  u32 range_count;  ///< 1
  u32 bytes;
  u32 offset;  ///< in the first page
  u64 pfns[];
};

void ring_init(struct ring* ring, void* pages, u32 page_count);

/// Producer. `extra` is what stands between descriptor and payload (may be empty; its length must
/// be a multiple of 8). False when there is no room: then pending_send_sz asks the other side for a
/// signal. `signal` says whether the other side must be signalled now.
bool ring_send(struct ring* ring, u16 type, u16 flags, u64 transaction, const void* extra,
               u32 extra_bytes, const void* payload, u32 payload_bytes, bool* signal);

enum ring_result { RING_EMPTY, RING_PACKET, RING_BROKEN };

/// Consumer: copies the next packet out, at most `capacity` bytes of payload; `*payload_bytes` is
/// what the packet had. `signal`: the producer waits for room and has it now.
enum ring_result ring_receive(struct ring* ring, struct packet_descriptor* packet, void* payload,
                              u32 capacity, u32* payload_bytes, bool* signal);

/// Consumer: no signals while it is looking anyway; and the way back, which says whether something
/// came in between (then look again, or it is lost).
void ring_mask(struct ring* ring);
bool ring_unmask(struct ring* ring);
