// A channel's life: share memory, open, exchange packets, close.
#include "console.h"
#include "gpadl.h"
#include "hypercall.h"
#include "vmbus_internal.h"

/// A program whose devices say more at once says so when it is built.
#ifndef CHANNEL_MAX_PAYLOAD
#define CHANNEL_MAX_PAYLOAD 2048
#endif
enum { MAX_PAYLOAD = CHANNEL_MAX_PAYLOAD };

static void share_pages(struct channel* channel, u64 first_pfn, u32 pages) {
  gpadl_describe(channel, first_pfn, pages);
  vmbus_wait(&channel->created);
  if (channel->created_status != 0) {
    panic_value("the host refuses a GPADL with status", channel->created_status);
  }
}

void channel_open(struct channel* channel, void* pages, u32 page_count) {
  static u32 next_gpadl = 0xE1E10;
  u32 half = page_count / 2;
  ring_init(&channel->outgoing, pages, half);
  ring_init(&channel->incoming, (u8*)pages + half * PAGE_SIZE, page_count - half);
  channel->gpadl = next_gpadl++;
  channel->created = channel->opened = channel->signalled = false;
  share_pages(channel, (u64)pages / PAGE_SIZE, page_count);

  struct vmbus_open open = {
      .header.type = VMBUS_OPEN,
      .relid = channel->offer.relid,
      .open_id = channel->offer.relid,
      .gpadl = channel->gpadl,
      .target_vp = (u32)rdmsr(MSR_VP_INDEX),
      .downstream_page = half,
  };
  vmbus_send(&open, sizeof open);
  vmbus_wait(&channel->opened);
  if (channel->opened_status != 0) {
    panic_value("the host refuses to open a channel with status", channel->opened_status);
  }
  channel->open = true;
}

void channel_close(struct channel* channel) {
  channel->open = false;
  channel->closing = true;
  struct vmbus_relid close = {{VMBUS_CLOSE, 0}, channel->offer.relid};
  vmbus_send(&close, sizeof close);
  // The host stops using the rings before it confirms; until then they are not ours.
  struct vmbus_gpadl_teardown teardown = {
      {VMBUS_GPADL_TEARDOWN, 0}, channel->offer.relid, channel->gpadl};
  vmbus_send(&teardown, sizeof teardown);
}

bool channel_send(struct channel* channel, u16 type, u16 flags, u64 transaction, const void* extra,
                  u32 extra_bytes, const void* payload, u32 payload_bytes) {
  bool signal;
  if (!channel->open)
    panic_value("the host took a channel away that is in use:", channel->offer.relid);
  if (!ring_send(&channel->outgoing, type, flags, transaction, extra, extra_bytes, payload,
                 payload_bytes, &signal)) {
    return false;
  }
  if (signal) vmbus_signal(channel);
  return true;
}

void channel_drain(struct channel* channel, packet_function* packet) {
  static u8 payload[MAX_PAYLOAD];
  channel->signalled = false;
  do {
    // While we look, signals would only cost the host time. After the last packet the mask comes
    // off and we look once more: what came in between was not signalled.
    ring_mask(&channel->incoming);
    for (;;) {
      struct packet_descriptor descriptor;
      u32 bytes;
      bool signal;
      enum ring_result result =
          ring_receive(&channel->incoming, &descriptor, payload, sizeof payload, &bytes, &signal);
      if (result == RING_EMPTY) break;
      if (result == RING_BROKEN) panic("the host broke a ring");
      if (bytes > sizeof payload) panic_value("a packet is too long:", bytes);
      if (signal) vmbus_signal(channel);
      packet(&descriptor, payload, bytes);
    }
  } while (ring_unmask(&channel->incoming));
}
