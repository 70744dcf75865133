#include "ring.h"

enum { TRAILER = 8 };

static u32 wrap(const struct ring* ring, u32 index) {
  return index >= ring->size ? index - ring->size : index;
}

static u32 used(const struct ring* ring, u32 write, u32 read) {
  return write >= read ? write - read : write + ring->size - read;
}

static bool index_valid(const struct ring* ring, u32 index) {
  return index < ring->size && index % 8 == 0;
}

/// Copies into the data with wrap-around; returns the index behind it. `from` may be null for 0
/// bytes.
static u32 put(struct ring* ring, u32 at, const void* from, u32 bytes) {
  if (bytes == 0) return at;
  u32 first = bytes < ring->size - at ? bytes : ring->size - at;
  memcpy(ring->data + at, from, first);
  memcpy(ring->data, (const u8*)from + first, bytes - first);
  return wrap(ring, at + bytes);
}

static u32 get(const struct ring* ring, u32 at, void* to, u32 bytes) {
  u32 first = bytes < ring->size - at ? bytes : ring->size - at;
  memcpy(to, ring->data + at, first);
  memcpy((u8*)to + first, ring->data, bytes - first);
  return wrap(ring, at + bytes);
}

void ring_init(struct ring* ring, void* pages, u32 page_count) {
  ring->header = pages;
  ring->data = (u8*)pages + PAGE_SIZE;
  ring->size = (page_count - 1) * PAGE_SIZE;
  memset(ring->header, 0, PAGE_SIZE);
  ring->header->feature_bits = RING_FEATURE_PENDING_SEND;
}

/// A packet fits when a gap of at least 8 bytes stays free: write == read must go on meaning empty.
static bool fits(const struct ring* ring, u32 write, u32 need) {
  u32 read = ring->header->read_index;
  return index_valid(ring, read) && ring->size - used(ring, write, read) > need;
}

static bool has_room(struct ring* ring, u32 write, u32 need) {
  if (fits(ring, write, need)) return true;
  // Ask for a signal, then look again: the consumer may have made room before it could see that we
  // wait for it.
  ring->header->pending_send_sz = need;
  full_barrier();
  return fits(ring, write, need);
}

bool ring_send(struct ring* ring, u16 type, u16 flags, u64 transaction, const void* extra,
               u32 extra_bytes, const void* payload, u32 payload_bytes, bool* signal) {
  static const u8 zeros[8];
  u32 padding = -payload_bytes & 7;
  u32 head = sizeof(struct packet_descriptor) + extra_bytes;
  u32 length = head + payload_bytes + padding;
  u32 start = ring->header->write_index;
  *signal = false;
  if (!has_room(ring, start, length + TRAILER)) return false;

  struct packet_descriptor descriptor = {type, (u16)(head / 8), (u16)(length / 8), flags,
                                         transaction};
  u64 trailer = (u64)start << 32;
  u32 at = put(ring, start, &descriptor, sizeof descriptor);
  at = put(ring, at, extra, extra_bytes);
  at = put(ring, at, payload, payload_bytes);
  at = put(ring, at, zeros, padding);
  at = put(ring, at, &trailer, TRAILER);

  release_barrier();  // the bytes before the index that shows them
  ring->header->write_index = at;
  if (ring->header->pending_send_sz) ring->header->pending_send_sz = 0;
  full_barrier();  // the index before the questions below

  // Signal on the edge from empty to not empty only. If the consumer had not yet read up to `start`
  // it is still busy with older packets and will find this one.
  if (ring->header->interrupt_mask == 0) *signal = ring->header->read_index == start;
  return true;
}

/// The producer waits for room: signal when this read moved the free space over the threshold, and
/// only then, so that one wish leads to one signal.
static bool producer_waits(const struct ring* ring, u32 old_read, u32 new_read) {
  if (!(ring->header->feature_bits & RING_FEATURE_PENDING_SEND)) return false;
  u32 pending = ring->header->pending_send_sz;
  if (pending == 0) return false;
  u32 write = ring->header->write_index;
  u32 free_before = ring->size - used(ring, write, old_read);
  u32 free_after = ring->size - used(ring, write, new_read);
  return free_before <= pending && free_after > pending;
}

enum ring_result ring_receive(struct ring* ring, struct packet_descriptor* packet, void* payload,
                              u32 capacity, u32* payload_bytes, bool* signal) {
  u32 read = ring->header->read_index;
  u32 write = ring->header->write_index;
  *signal = false;
  if (!index_valid(ring, read) || !index_valid(ring, write)) return RING_BROKEN;
  if (read == write) return RING_EMPTY;
  acquire_barrier();  // the index before the bytes that it promises

  u32 available = used(ring, write, read);
  if (available < sizeof *packet + TRAILER) return RING_BROKEN;
  get(ring, read, packet, sizeof *packet);
  u32 offset = packet->offset8 * 8u;
  u32 length = packet->len8 * 8u;
  if (offset < sizeof *packet || length < offset || length + TRAILER > available)
    return RING_BROKEN;

  *payload_bytes = length - offset;
  get(ring, wrap(ring, read + offset), payload,
      *payload_bytes < capacity ? *payload_bytes : capacity);

  release_barrier();  // done with the bytes before the producer may overwrite them
  u32 next = wrap(ring, read + length + TRAILER);
  ring->header->read_index = next;
  full_barrier();
  *signal = producer_waits(ring, read, next);
  return RING_PACKET;
}

void ring_mask(struct ring* ring) {
  ring->header->interrupt_mask = 1;
  full_barrier();
}

bool ring_unmask(struct ring* ring) {
  ring->header->interrupt_mask = 0;
  full_barrier();
  return ring->header->read_index != ring->header->write_index;
}
