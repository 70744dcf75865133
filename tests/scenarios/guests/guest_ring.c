#include "tests/scenarios/guests/guest_ring.h"

#include <stdlib.h>

#include "scenarios/guests/lib/ring.h"

struct guest_ring {
  struct ring ring;
  void* pages;
  u32 page_count;
};

struct guest_ring* guest_ring_attach(void* pages, uint32_t page_count) {
  struct guest_ring* r = malloc(sizeof *r);
  r->pages = pages;
  r->page_count = page_count;
  r->ring.header = pages;
  r->ring.data = (u8*)pages + PAGE_SIZE;
  r->ring.size = (page_count - 1) * PAGE_SIZE;
  return r;
}

void guest_ring_initialise(struct guest_ring* r) { ring_init(&r->ring, r->pages, r->page_count); }

void guest_ring_detach(struct guest_ring* r) { free(r); }

int guest_ring_send(struct guest_ring* r, uint16_t type, uint16_t flags, uint64_t transaction,
                    const void* extra, uint32_t extra_bytes, const void* payload,
                    uint32_t payload_bytes, int* signal) {
  bool due;
  bool sent = ring_send(&r->ring, type, flags, transaction, extra, extra_bytes, payload,
                        payload_bytes, &due);
  *signal = due;
  return sent;
}

enum guest_ring_outcome guest_ring_receive(struct guest_ring* r, struct guest_ring_packet* packet,
                                           void* payload, uint32_t capacity, int* signal) {
  struct packet_descriptor descriptor = {0};
  u32 bytes = 0;
  bool due;
  enum ring_result result = ring_receive(&r->ring, &descriptor, payload, capacity, &bytes, &due);
  *signal = due;
  packet->type = descriptor.type;
  packet->flags = descriptor.flags;
  packet->transaction = descriptor.transaction;
  packet->payload_bytes = bytes;
  switch (result) {
    case RING_EMPTY:
      return GUEST_RING_EMPTY;
    case RING_PACKET:
      return GUEST_RING_PACKET;
    case RING_BROKEN:
      return GUEST_RING_BROKEN;
  }
  abort();
}

void guest_ring_mask(struct guest_ring* r) { ring_mask(&r->ring); }
int guest_ring_unmask(struct guest_ring* r) { return ring_unmask(&r->ring); }
