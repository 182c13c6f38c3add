/* Pulse: whether the store is behind its topic, looked at every few seconds by a thread of its own. Thread-safe. */
#ifndef SUBSCRIBERS_SERVE_PULSE_H
#define SUBSCRIBERS_SERVE_PULSE_H

#include "subscribers/serve/settings.h"

enum serve_pace {
    SERVE_PACE_UNKNOWN, /* Kafka or the store cannot be asked now */
    SERVE_PACE_EVEN,    /* all that was delivered is in the store */
    SERVE_PACE_BEHIND,
};

struct serve_pulse_state {
    enum serve_pace pace;
    int64_t looked_at_ms;     /* 0 = never */
    int64_t waiting_since_ms; /* BEHIND: when the oldest delivery that is not in the store was made */
};

struct serve_pulse;

/* Starts the thread. FATAL. */
BUS_MUST_CHECK enum bus_status serve_pulse_start(const struct serve_settings *settings, struct serve_pulse **out_pulse,
                                                 struct bus_error *error);
void serve_pulse_stop(struct serve_pulse *pulse);
void serve_pulse_read(struct serve_pulse *pulse, struct serve_pulse_state *out_state);

#endif
