/* HTTPS sink: deliveries as CloudEvents to a receiver of its own, which answers for each of them (docs/recipes/https-receiver.md).
 *
 * A courier: a request is one batch, with the proof that the receiver can check without Kafka. It is named by what is in it
 * (Idempotency-Key), so after a timeout or a crash the receiver knows it again. */
#ifndef SUBSCRIBERS_SINKS_HTTPS_H
#define SUBSCRIBERS_SINKS_HTTPS_H

#include "subscribers/sinks/sink.h"

extern const struct subscribers_sink subscribers_https;

#endif
