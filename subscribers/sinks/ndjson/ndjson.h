/* NDJSON sink: deliveries as files of JSON lines, each file whole and never written again.
 *
 *     <folder>/<subscriber>-<serial, 10 digits>.ndjson   what a receiver takes; it may move or delete them
 *     <folder>/.position                                  how far each partition is, and the last file
 *
 * A batch is one file. It is written and synced under a name with a leading dot; then the new .position, which names it, is renamed
 * into place: that rename is the commit, of data and position together. Last the file gets its name; after a crash in between, the
 * next start finds the name in .position and finishes. A file that .position does not name was never committed and is removed. */
#ifndef SUBSCRIBERS_SINKS_NDJSON_H
#define SUBSCRIBERS_SINKS_NDJSON_H

#include "subscribers/sinks/sink.h"

extern const struct subscribers_sink subscribers_ndjson;

#endif
