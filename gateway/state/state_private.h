/* State, the inside that the files which make it up share. */
#ifndef GATEWAY_STATE_STATE_PRIVATE_H
#define GATEWAY_STATE_STATE_PRIVATE_H

#include "gateway/state/recent.h"
#include "gateway/state/state.h"

struct gateway_recent *gateway_state_recent_view(struct gateway_state *state);

#endif
