#include "adapters/formats/xlsx_xml.h"

#include <expat.h>
#include <stdlib.h>

enum {
    PIECE_SIZE = 64 * 1024,
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
    bool is_paused, is_finished, is_last;
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
    if (xml->parser != NULL)
        return xml;
    free(xml);
    return NULL;
}

void adapters_xlsx_xml_destroy(struct adapters_xlsx_xml *xml)
{
    if (xml == NULL)
        return;
    XML_ParserFree(xml->parser);
    free(xml);
}

/* --- what a handler may do --- */

void adapters_xlsx_xml_pause(struct adapters_xlsx_xml *xml)
{
    if (xml->is_paused || xml->is_finished)
        return;
    xml->is_paused = true;
    XML_StopParser(xml->parser, XML_TRUE);
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
    if (!XML_ParserReset(parser, NULL))
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    *xml = (struct adapters_xlsx_xml){.parser = parser, .part = part, .handler = handler, .self = self};
    XML_SetUserData(parser, xml);
    XML_SetElementHandler(parser, on_start, on_end);
    if (handler->text != NULL)
        XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_document_type);
    return BUS_OK;
}

/* Gives the parser the next piece of the part. */
static enum bus_status give(struct adapters_xlsx_xml *xml, enum XML_Status *out_result,
                            struct adapters_refusal *refusal, struct bus_error *error)
{
    size_t length;
    void *piece = XML_GetBuffer(xml->parser, PIECE_SIZE);
    if (piece == NULL)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    enum bus_status status = adapters_xlsx_part_read(xml->part, piece, PIECE_SIZE, &length, refusal, error);
    if (status != BUS_OK)
        return status;
    xml->given_bytes += (int64_t)length;
    xml->is_last = length == 0;
    *out_result = XML_ParseBuffer(xml->parser, (int)length, xml->is_last);
    return BUS_OK;
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

enum bus_status adapters_xlsx_xml_run(struct adapters_xlsx_xml *xml, bool *out_end, struct adapters_refusal *refusal,
                                      struct bus_error *error)
{
    *out_end = false;
    for (;;) {
        enum XML_Status result = XML_STATUS_OK;
        if (xml->is_paused) {
            xml->is_paused = false;
            result = XML_ResumeParser(xml->parser);
        } else {
            enum bus_status status = give(xml, &result, refusal, error);
            if (status != BUS_OK)
                return status;
        }
        if (xml->code != NULL || (result == XML_STATUS_ERROR && !xml->is_finished))
            return tell_failure(xml, refusal, error);
        if (xml->is_paused)
            return BUS_OK;
        *out_end = xml->is_finished || xml->is_last;
        if (*out_end)
            return BUS_OK;
        if (is_tag_endless(xml))
            return adapters_xlsx_refuse_part(refusal, xml->part->name, "XML 标记过长", "a tag of its XML is too long");
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
