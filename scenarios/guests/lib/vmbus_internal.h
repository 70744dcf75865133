// What the two halves of the VMBus client, vmbus.c and channel.c, share.
#pragma once

#include "vmbus.h"

/// Posts to the control connection, again while the host has no buffers. Returns the status.
u16 vmbus_post(const void* message, u32 bytes);
/// The same; every failure is a panic.
void vmbus_send(const void* message, u32 bytes);
/// Handles what comes from the host until the condition holds; sleeps in between.
void vmbus_wait(const bool* condition);

/// Closes and takes the ring's memory back; the relid is released when the host confirms.
void channel_close(struct channel* channel);
