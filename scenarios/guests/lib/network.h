// A network adapter: Ethernet frames out of and into memory that the host knows (spec D.2). Frames
// to send are copied into a section of a buffer that is shared once; frames that come lie in
// sections of another one, which the host has back when we have read them.
#pragma once

#include "machine.h"

enum { FRAME_HEADER = 14, FRAME_LEAST = 60, FRAME_MOST = 1514, MAC_BYTES = 6 };

/// False when the host offers no adapter. Panics when adapter and guest do not come to terms.
bool network_set_up(void);
u32 network_version(void);
const u8* network_mac(void);

/// A frame that came; its bytes are the adapter's and may be read until the function returns.
typedef void frame_function(const u8* frame, u32 bytes);
/// Hands over what has come; true when there was anything.
bool network_poll(frame_function* frame);
/// False when every section is still with the host: the frame is not sent.
bool network_send(const void* frame, u32 bytes);
