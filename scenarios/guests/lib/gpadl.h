// How a guest names pages of its memory to the host: a list of pages under a handle (spec C.5).
#pragma once

#include "vmbus_internal.h"

/// Describes pages to the host. A message holds 240 bytes, so a long list is continued in body
/// messages; messages arrive in the order of posting, which is all the numbering there is.
static inline void gpadl_describe(const struct channel* channel, u64 first_pfn, u32 pages) {
  struct vmbus_gpadl_header header = {
      .header.type = VMBUS_GPADL_HEADER,
      .relid = channel->offer.relid,
      .gpadl = channel->gpadl,
      .range_bytes = (u16)(8 + 8 * pages),
      .range_count = 1,
      .byte_count = pages * PAGE_SIZE,
      .byte_offset = 0,
  };
  u32 sent = 0;
  while (sent < pages && sent < GPADL_HEADER_PFNS) {
    header.pfns[sent] = first_pfn + sent;
    ++sent;
  }
  vmbus_send(&header, offsetof(struct vmbus_gpadl_header, pfns) + 8 * sent);

  while (sent < pages) {
    struct vmbus_gpadl_body body = {.header.type = VMBUS_GPADL_BODY, .gpadl = channel->gpadl};
    u32 n = 0;
    while (sent < pages && n < GPADL_BODY_PFNS) body.pfns[n++] = first_pfn + sent++;
    vmbus_send(&body, offsetof(struct vmbus_gpadl_body, pfns) + 8 * n);
  }
}
