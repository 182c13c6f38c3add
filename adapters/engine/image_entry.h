/* Image entry: how the image keeps what a feed said last of one record. Private to image*.c.
 *
 * Value: u64le version | u8 withdrawn | content[16], and for a record that stands u64le fingerprint of the schema it was written with, then the
 * fields that a withdrawal needs, in order, each as a length (Avro long) and its Avro bytes: of the envelope what says which record and
 * subject it is about and when it ends, then the fields of the item's key. */
#ifndef ADAPTERS_ENGINE_IMAGE_ENTRY_H
#define ADAPTERS_ENGINE_IMAGE_ENTRY_H

#include "adapters/engine/image.h"

/* Appends the entry of an event whose values are those of `schema`. REJECT when they do not fit it. */
BUS_MUST_CHECK enum bus_status adapters_image_entry_encode(const struct bus_item *item, const struct bus_schema *schema,
                                                           const struct bus_value *values,
                                                           const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                                           struct bus_buffer *scratch, struct bus_buffer *buffer,
                                                           struct bus_error *error);
/* False when the bytes are no entry. Borrows from them. */
BUS_MUST_CHECK bool adapters_image_entry_decode(struct bus_bytes value, struct adapters_image_entry *out_entry);
/* Digest of the values of `schema`, all but event_id, version, sequence and the clocks. REJECT when they do not fit it. */
BUS_MUST_CHECK enum bus_status adapters_image_entry_content(const struct bus_schema *schema,
                                                            const struct bus_value *values, struct bus_buffer *scratch,
                                                            uint8_t out_content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                                            struct bus_error *error);

#endif
