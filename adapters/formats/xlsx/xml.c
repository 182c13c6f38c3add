#include "adapters/formats/xlsx/xml.h"

#include <expat.h>
#include <stdlib.h>

enum {
    PIECE_SIZE = 64 * 1024,
    WINDOW_SIZE = 4 * PIECE_SIZE, /* what is longer is never read without the parser */
    DEPTH_MAX = 64,
    NAMES_ROOM = 4096, /* a power of two */
    NAMES_MAX = 3000,
    TAG_MAX = 1024 * 1024,
};

struct adapters_xlsx_xml {
    XML_Parser parser;
    struct adapters_xlsx_part *part;
    const struct adapters_xlsx_handler *handler;
    void *self;
    int depth;
    int64_t given_bytes;
    uint8_t *window; /* WINDOW_SIZE: bytes of the part that the parser has not got */
    size_t at, end;  /* of them in the window */
    bool is_read;    /* nothing follows the window */
    bool is_paused, is_finished, is_last;
    bool is_quick, is_quick_paused; /* a handler reads without the parser */
    bool is_without_quick;
    const char *code, *zh, *en; /* why it was refused; NULL: it was not */
    uint64_t names[NAMES_ROOM]; /* hashes of those that were seen: expat keeps each name for good */
    size_t name_count;
};

struct adapters_xlsx_xml *adapters_xlsx_xml_create(void)
{
    struct adapters_xlsx_xml *xml = calloc(1, sizeof *xml);
    if (xml == NULL)
        return NULL;
    xml->parser = XML_ParserCreate(NULL);
    xml->window = malloc(WINDOW_SIZE);
    if (xml->parser != NULL && xml->window != NULL)
        return xml;
    adapters_xlsx_xml_destroy(xml);
    return NULL;
}

void adapters_xlsx_xml_destroy(struct adapters_xlsx_xml *xml)
{
    if (xml == NULL)
        return;
    XML_ParserFree(xml->parser);
    free(xml->window);
    free(xml);
}

/* --- what a handler may do --- */

void adapters_xlsx_xml_pause(struct adapters_xlsx_xml *xml)
{
    if (xml->is_paused || xml->is_finished)
        return;
    xml->is_quick_paused = xml->is_quick;
    if (xml->is_quick)
        return;
    xml->is_paused = true;
    XML_StopParser(xml->parser, XML_TRUE);
}

void adapters_xlsx_xml_without_quick(struct adapters_xlsx_xml *xml, bool is_without)
{
    xml->is_without_quick = is_without;
}

void adapters_xlsx_xml_finish(struct adapters_xlsx_xml *xml)
{
    if (xml->is_finished)
        return;
    xml->is_finished = true;
    XML_StopParser(xml->parser, XML_FALSE);
}

static void refuse(struct adapters_xlsx_xml *xml, const char *code, const char *zh, const char *en)
{
    if (xml->code == NULL) {
        xml->code = code;
        xml->zh = zh;
        xml->en = en;
    }
    adapters_xlsx_xml_finish(xml);
}

void adapters_xlsx_xml_refuse(struct adapters_xlsx_xml *xml, const char *zh, const char *en)
{
    refuse(xml, "FILE_DAMAGED", zh, en);
}

/* --- what expat tells --- */

static void note_name(struct adapters_xlsx_xml *xml, const char *name)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    hash |= 1;
    size_t at = (size_t)(hash >> 32) & (NAMES_ROOM - 1);
    while (xml->names[at] != 0 && xml->names[at] != hash)
        at = (at + 1) & (NAMES_ROOM - 1);
    if (xml->names[at] == hash)
        return;
    xml->names[at] = hash;
    if (++xml->name_count >= NAMES_MAX)
        adapters_xlsx_xml_refuse(xml, "XML 名称过多", "its XML has too many different names");
}

static const char *without_prefix(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attributes)
{
    struct adapters_xlsx_xml *xml = self;
    bool is_short = name[1] == '\0'; /* the usual ones; there are few of them */
    if (xml->is_finished)
        return;
    if (++xml->depth > DEPTH_MAX) {
        adapters_xlsx_xml_refuse(xml, "XML 嵌套过深", "its XML is nested too deeply");
        return;
    }
    if (!is_short)
        note_name(xml, name);
    for (const XML_Char **at = attributes; *at != NULL; at += 2) {
        if ((*at)[1] != '\0')
            note_name(xml, *at);
    }
    if (xml->handler->start != NULL && !xml->is_finished)
        xml->handler->start(xml->self, is_short ? name : without_prefix(name), attributes, xml->depth);
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
    struct adapters_xlsx_xml *xml = self;
    if (xml->is_finished)
        return;
    if (xml->handler->end != NULL)
        xml->handler->end(xml->self, name[1] == '\0' ? name : without_prefix(name), xml->depth);
    xml->depth--;
}

static void XMLCALL on_text(void *self, const XML_Char *text, int length)
{
    struct adapters_xlsx_xml *xml = self;
    if (!xml->is_finished)
        xml->handler->text(xml->self, text, (size_t)length);
}

static void XMLCALL on_document_type(void *self, const XML_Char *name, const XML_Char *system_id,
                                     const XML_Char *public_id, int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    refuse(self, "FILE_DTD",
           "工作簿内含 DTD 或实体声明，Excel 从不写这些，文件可疑，未接收；请用 Excel 或 WPS 另存后重新报送",
           "the workbook declares a document type or entities, which Excel never writes: it is suspect and was not "
           "taken; save it anew in Excel or WPS and send it again");
}

/* --- reading --- */

enum bus_status adapters_xlsx_xml_begin(struct adapters_xlsx_xml *xml, struct adapters_xlsx_part *part,
                                        const struct adapters_xlsx_handler *handler, void *self,
                                        struct bus_error *error)
{
    XML_Parser parser = xml->parser;
    uint8_t *window = xml->window;
    bool is_without_quick = xml->is_without_quick;
    if (!XML_ParserReset(parser, NULL))
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    *xml =
        (struct adapters_xlsx_xml){.parser = parser, .window = window, .part = part, .handler = handler, .self = self};
    xml->is_without_quick = is_without_quick;
    XML_SetUserData(parser, xml);
    XML_SetElementHandler(parser, on_start, on_end);
    if (handler->text != NULL)
        XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_document_type);
    return BUS_OK;
}

/* Reads another piece of the part behind what the window holds. */
static enum bus_status read_on(struct adapters_xlsx_xml *xml, struct adapters_refusal *refusal, struct bus_error *error)
{
    size_t length;
    memmove(xml->window, xml->window + xml->at, xml->end - xml->at);
    xml->end -= xml->at;
    xml->at = 0;
    enum bus_status status =
        adapters_xlsx_part_read(xml->part, xml->window + xml->end, PIECE_SIZE, &length, refusal, error);
    xml->end += length;
    xml->is_read = status == BUS_OK && length == 0;
    return status;
}

/* Whether the parser has used all it got and stands between two tags. */
static bool is_between_tags(const struct adapters_xlsx_xml *xml)
{
    return XML_GetCurrentByteIndex(xml->parser) == xml->given_bytes;
}

/* How much of the window the parser gets: up to the next place where `quick` may be asked. */
static size_t next_stretch(const struct adapters_xlsx_xml *xml)
{
    const uint8_t *from = xml->window + xml->at;
    size_t length = xml->end - xml->at;
    if (xml->handler->quick == NULL || length == 0)
        return length;
    size_t token = strlen(xml->handler->quick_token);
    const uint8_t *found = memmem(from + 1, length - 1, xml->handler->quick_token, token);
    if (found != NULL)
        return (size_t)(found - from);
    return length >= token && !xml->is_read ? length - (token - 1) : length; /* it may begin at the very end */
}

/* Gives the parser the next stretch of the window. */
static void give(struct adapters_xlsx_xml *xml, enum XML_Status *out_result)
{
    size_t length = next_stretch(xml);
    xml->given_bytes += (int64_t)length;
    xml->is_last = xml->is_read && xml->at + length == xml->end;
    xml->at += length;
    *out_result = XML_Parse(xml->parser, (const char *)xml->window + xml->at - length, (int)length, xml->is_last);
}

/* Lets the handler read without the parser. False: the parser must go on, or more of the part is needed first (*out_more). */
static bool go_quick(struct adapters_xlsx_xml *xml, bool *out_more)
{
    const struct adapters_xlsx_handler *handler = xml->handler;
    size_t length = xml->end - xml->at;
    *out_more = false;
    if (handler->quick == NULL || xml->is_without_quick || xml->depth == 0 || !is_between_tags(xml))
        return false;
    xml->is_quick = true;
    long taken = handler->quick(xml->self, xml->window + xml->at, length, xml->depth);
    xml->is_quick = false;
    *out_more = taken == ADAPTERS_XLSX_XML_MORE && !xml->is_read && length + PIECE_SIZE <= WINDOW_SIZE;
    if (taken <= 0)
        return false;
    xml->at += (size_t)taken;
    return true;
}

static enum bus_status tell_failure(struct adapters_xlsx_xml *xml, struct adapters_refusal *refusal,
                                    struct bus_error *error)
{
    if (xml->code != NULL && strcmp(xml->code, "FILE_DAMAGED") == 0)
        return adapters_xlsx_refuse_part(refusal, xml->part->name, xml->zh, xml->en);
    if (xml->code != NULL)
        return adapters_refuse(refusal, xml->code, xml->zh, xml->en);
    if (XML_GetErrorCode(xml->parser) == XML_ERROR_NO_MEMORY)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    return adapters_xlsx_refuse_part(refusal, xml->part->name, "XML 格式错误", "its XML is not well-formed");
}

/* Whether the parser waits for the end of a tag that grows and grows. */
static bool is_tag_endless(const struct adapters_xlsx_xml *xml)
{
    XML_Index at = XML_GetCurrentByteIndex(xml->parser);
    return !xml->is_paused && at >= 0 && xml->given_bytes - at > TAG_MAX;
}

/* What the parser made of what it got. */
static enum bus_status look_at_result(struct adapters_xlsx_xml *xml, enum XML_Status result, bool *out_end,
                                      struct adapters_refusal *refusal, struct bus_error *error)
{
    if (xml->code != NULL || (result == XML_STATUS_ERROR && !xml->is_finished))
        return tell_failure(xml, refusal, error);
    *out_end = !xml->is_paused && (xml->is_finished || xml->is_last);
    if (is_tag_endless(xml))
        return adapters_xlsx_refuse_part(refusal, xml->part->name, "XML 标记过长", "a tag of its XML is too long");
    return BUS_OK;
}

enum bus_status adapters_xlsx_xml_run(struct adapters_xlsx_xml *xml, bool *out_end, struct adapters_refusal *refusal,
                                      struct bus_error *error)
{
    *out_end = false;
    xml->is_quick_paused = false;
    for (;;) {
        enum XML_Status result = XML_STATUS_OK;
        bool is_more = xml->at == xml->end && !xml->is_read;
        if (xml->is_paused) {
            xml->is_paused = false;
            result = XML_ResumeParser(xml->parser);
        } else if (!is_more && go_quick(xml, &is_more)) {
            if (xml->is_quick_paused)
                return BUS_OK;
            continue;
        } else if (is_more) {
            enum bus_status status = read_on(xml, refusal, error);
            if (status != BUS_OK)
                return status;
            continue;
        } else {
            give(xml, &result);
        }
        enum bus_status status = look_at_result(xml, result, out_end, refusal, error);
        if (status != BUS_OK || *out_end || xml->is_paused)
            return status;
    }
}

enum bus_status adapters_xlsx_xml_read(struct adapters_xlsx_xml *xml, struct adapters_xlsx_package *package,
                                       const char *name, int64_t limit_bytes,
                                       const struct adapters_xlsx_handler *handler, void *self,
                                       struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_xlsx_part part;
    bool is_end = false;
    enum bus_status status = adapters_xlsx_part_open(package, name, limit_bytes, &part, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_xml_begin(xml, &part, handler, self, error);
    while (status == BUS_OK && !is_end)
        status = adapters_xlsx_xml_run(xml, &is_end, refusal, error);
    adapters_xlsx_part_close(&part);
    return status;
}

/* --- attributes --- */

const char *adapters_xlsx_attribute(const char **attributes, const char *name)
{
    for (; *attributes != NULL; attributes += 2) {
        if (strcmp(without_prefix(*attributes), name) == 0)
            return attributes[1];
    }
    return NULL;
}

int64_t adapters_xlsx_attribute_number(const char **attributes, const char *name, int64_t missing)
{
    const char *text = adapters_xlsx_attribute(attributes, name);
    int64_t value = 0;
    size_t digits = 0;
    for (; text != NULL && text[digits] >= '0' && text[digits] <= '9' && digits < 18; digits++)
        value = value * 10 + (text[digits] - '0');
    return digits > 0 && text[digits] == '\0' ? value : missing;
}

bool adapters_xlsx_attribute_true(const char **attributes, const char *name)
{
    const char *text = adapters_xlsx_attribute(attributes, name);
    return text != NULL && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}
