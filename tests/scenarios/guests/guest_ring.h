/* The guests' own ring code, compiled for the host, behind functions that C++ can call: the guests'
   headers are written for a compiler without a C library. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct guest_ring;

/* `pages` stays the caller's: a header page and data pages. */
struct guest_ring* guest_ring_attach(void* pages, uint32_t page_count);
void guest_ring_initialise(struct guest_ring* ring);
void guest_ring_detach(struct guest_ring* ring);

/* 1 when the packet went in. */
int guest_ring_send(struct guest_ring* ring, uint16_t type, uint16_t flags, uint64_t transaction,
                    const void* extra, uint32_t extra_bytes, const void* payload,
                    uint32_t payload_bytes, int* signal);

enum guest_ring_outcome { GUEST_RING_EMPTY, GUEST_RING_PACKET, GUEST_RING_BROKEN };

struct guest_ring_packet {
  uint16_t type;
  uint16_t flags;
  uint64_t transaction;
  uint32_t payload_bytes;
};

enum guest_ring_outcome guest_ring_receive(struct guest_ring* ring,
                                           struct guest_ring_packet* packet, void* payload,
                                           uint32_t capacity, int* signal);
void guest_ring_mask(struct guest_ring* ring);
int guest_ring_unmask(struct guest_ring* ring);

#ifdef __cplusplus
}
#endif
