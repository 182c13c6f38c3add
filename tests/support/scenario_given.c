/* The lines of a scenario that give events: of an item, bytes in an event's place, a step of a rights case. */
#include "tests/support/scenario.h"

enum { MAX_GIVEN = 48 };

/* What a given line says, beside the item's own fields. */
struct given {
    const struct bus_item *item;
    const struct bus_item_version *version;
    struct test_field fields[MAX_GIVEN + 8]; /* ends with a NULL name */
    size_t field_count;
    const char *key, *subject, *kind, *adapter, *sequence;
    bool replay, other_partition;
    const char *topic_key;                  /* hex, instead of the subject's key */
    const char *cut, *append, *fingerprint; /* damage to the whole */
    const char *bytes_field, *bytes_hex;    /* damage to one field: bytes.FIELD=HEX */
    char record_key[1200], sequence_text[24];
};

static const char **setting_of(struct given *given, const char *name)
{
    const struct {
        const char *name;
        const char **place;
    } settings[] = {
        {"key", &given->key},         {"subject", &given->subject},   {"kind", &given->kind},
        {"adapter", &given->adapter}, {"sequence", &given->sequence}, {"topic-key", &given->topic_key},
        {"cut", &given->cut},         {"append", &given->append},     {"fingerprint", &given->fingerprint},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].place;
    return NULL;
}

static void add_field(struct given *given, const char *name, const char *value)
{
    given->fields[given->field_count++] = (struct test_field){name, value};
}

static bool read_word(struct scenario *scenario, struct given *given, const struct test_word *word)
{
    if (word->value == NULL)
        return test_scenario_fail(scenario, "%s is not NAME=VALUE", word->name);
    if (given->field_count == MAX_GIVEN)
        return test_scenario_fail(scenario, "too many fields");
    const char **setting = setting_of(given, word->name);
    if (setting != NULL) {
        *setting = word->value;
    } else if (strcmp(word->name, "schema") == 0) {
        size_t number = strtoul(word->value, NULL, 10);
        if (number == 0 || number > given->item->version_count)
            return test_scenario_fail(scenario, "%s has no schema %s", given->item->name, word->value);
        given->version = &given->item->versions[number - 1];
    } else if (strcmp(word->name, "replay") == 0) {
        given->replay = strcmp(word->value, "yes") == 0;
    } else if (strcmp(word->name, "partition") == 0) {
        given->other_partition = strcmp(word->value, "other") == 0;
    } else if (strncmp(word->name, "bytes.", 6) == 0) {
        given->bytes_field = word->name + 6;
        given->bytes_hex = word->value;
    } else {
        const char *name = strcmp(word->name, "name") == 0   ? "subject_name"
                           : strcmp(word->name, "area") == 0 ? "area_code"
                                                             : word->name;
        add_field(given, name, word->value);
    }
    return true;
}

/* Counts up, unless the line names a number or is a replay; what is named is counted on from. */
static int64_t next_sequence(struct scenario *scenario, const struct given *given, int32_t partition)
{
    char name[512];
    snprintf(name, sizeof name, "%s %s.%s %d", given->adapter, given->item->department->name, given->item->name,
             partition);
    struct sequence *sequence = NULL;
    for (size_t i = 0; i < scenario->sequence_count; i++)
        if (strcmp(scenario->sequences[i].name, name) == 0)
            sequence = &scenario->sequences[i];
    if (sequence == NULL) {
        if (scenario->sequence_count == MAX_SEQUENCES)
            abort();
        sequence = &scenario->sequences[scenario->sequence_count++];
        memcpy(sequence->name, name, sizeof name);
    }
    if (given->sequence != NULL)
        sequence->last = strtoll(given->sequence, NULL, 10);
    else if (!given->replay)
        sequence->last++;
    return sequence->last;
}

static size_t unhex(const char *hex, uint8_t *bytes, size_t most)
{
    size_t length = strlen(hex) / 2;
    return length <= most && bus_unhex(hex, bytes, length) ? length : 0;
}

/* Puts other bytes in the place of one field. */
static bool damage_field(struct scenario *scenario, const struct given *given, struct bus_buffer *datum)
{
    struct bus_span spans[256];
    struct bus_error error;
    const struct bus_schema *schema = given->version->schema;
    int index = bus_schema_find(schema, given->bytes_field);
    uint8_t bytes[512];
    size_t length = unhex(given->bytes_hex, bytes, sizeof bytes);
    if (index < 0 || length == 0 || bus_datum_walk(schema, bus_buffer_view(datum), spans, &error) != BUS_OK)
        return test_scenario_fail(scenario, "bytes.FIELD=HEX: no field %s, or no hex", given->bytes_field);
    struct bus_buffer damaged;
    bus_buffer_init(&damaged, 2 * BUS_DATUM_MAX_SIZE);
    size_t behind = spans[index].offset + spans[index].length;
    bus_buffer_append(&damaged, datum->data, spans[index].offset);
    bus_buffer_append(&damaged, bytes, length);
    bus_buffer_append(&damaged, datum->data + behind, datum->length - behind);
    bus_buffer_release(datum);
    *datum = damaged;
    return true;
}

static bool damage(struct scenario *scenario, const struct given *given, struct bus_buffer *datum)
{
    uint8_t bytes[512];
    if (given->bytes_field != NULL && !damage_field(scenario, given, datum))
        return false;
    if (given->fingerprint != NULL && !bus_unhex(given->fingerprint, datum->data + 2, 8))
        return test_scenario_fail(scenario, "fingerprint=16 hex digits");
    if (given->cut != NULL)
        datum->length -= strtoul(given->cut, NULL, 10);
    if (given->append != NULL)
        bus_buffer_append(datum, bytes, unhex(given->append, bytes, sizeof bytes));
    return true;
}

static void feed(struct scenario *scenario, const struct given *given, int32_t partition,
                 const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], struct bus_bytes value)
{
    uint8_t other_key[BUS_SUBJECT_KEY_SIZE];
    bool is_other = given->topic_key != NULL && bus_unhex(given->topic_key, other_key, sizeof other_key);
    test_world_feed(scenario->world, given->item, partition,
                    bus_bytes_of(is_other ? other_key : subject_key, BUS_SUBJECT_KEY_SIZE), value, given->adapter,
                    given->replay);
}

/* The subject's key and partition; a subject_id that is none goes where the sample subject goes. */
static int32_t place_subject(const struct scenario *scenario, const struct given *given,
                             uint8_t subject_key[BUS_SUBJECT_KEY_SIZE])
{
    struct bus_error error;
    char identifier[19];
    bool is_person = strcmp(given->kind, "PERSON") == 0;
    enum bus_subject_kind kind = is_person ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
    const char *subject = given->subject;
    if (bus_subject_identifier(kind, bus_bytes_text(subject), identifier, &error) != BUS_OK) {
        kind = BUS_SUBJECT_ORGANISATION;
        subject = TEST_SAMPLE_USCC;
    }
    int32_t partition = test_world_subject(scenario->world, kind, subject, subject_key);
    return given->other_partition ? (partition + 1) % scenario->options.partitions : partition;
}

static bool give_event(struct scenario *scenario, struct given *given)
{
    char problem[TEST_SAMPLE_PROBLEM_SIZE] = "";
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    int32_t partition = place_subject(scenario, given, subject_key);
    snprintf(given->sequence_text, sizeof given->sequence_text, "%lld",
             (long long)next_sequence(scenario, given, partition));
    snprintf(given->record_key, sizeof given->record_key, "%s|%s", given->item->department->name, given->key);
    add_field(given, "sequence", given->sequence_text);
    add_field(given, "subject_kind", given->kind);
    add_field(given, "subject_id", given->subject);
    add_field(given, "record_key", given->record_key); /* a field named in the line comes first and wins */
    if (scenario->record_key_count < MAX_KEYS && strlen(given->key) > 1)
        scenario->record_keys[scenario->record_key_count++] = strdup(given->record_key);
    struct bus_buffer datum;
    bus_buffer_init(&datum, 2 * BUS_DATUM_MAX_SIZE);
    bool good = test_sample_event(scenario->catalogue, given->item, given->version, given->fields, &datum, problem) ||
                test_scenario_fail(scenario, "%s", problem);
    good = good && damage(scenario, given, &datum);
    if (good)
        feed(scenario, given, partition, subject_key, bus_buffer_view(&datum));
    bus_buffer_release(&datum);
    return good;
}

static bool begin_given(struct scenario *scenario, const struct test_word *words, int count, struct given *given)
{
    if (!test_scenario_open(scenario))
        return false;
    *given = (struct given){.key = "1", .subject = TEST_SAMPLE_USCC, .kind = "ORGANISATION"};
    given->item = count >= 3 ? test_scenario_item(scenario, words[1].name) : NULL;
    if (given->item == NULL)
        return test_scenario_fail(scenario, "no item is called %s", count >= 2 ? words[1].name : "");
    given->version = bus_item_current(given->item);
    given->adapter = given->item->department->name;
    return true;
}

bool test_scenario_give(struct scenario *scenario, const struct test_word *words, int count)
{
    struct given given;
    if (!begin_given(scenario, words, count, &given))
        return false;
    add_field(&given, "operation", words[2].name);
    for (int i = 3; i < count; i++)
        if (!read_word(scenario, &given, &words[i]))
            return false;
    return give_event(scenario, &given);
}

/* given-bytes ITEM HEX|null|empty|huge: something in an event's place. */
bool test_scenario_give_bytes(struct scenario *scenario, const struct test_word *words, int count)
{
    struct given given;
    static uint8_t bytes[BUS_DATUM_MAX_SIZE + 2];
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    if (!begin_given(scenario, words, count, &given))
        return false;
    const char *hex = words[2].name;
    struct bus_bytes value = bus_bytes_of(bytes, 0);
    if (strcmp(hex, "null") == 0)
        value.data = NULL;
    else if (strcmp(hex, "huge") == 0) {
        value.length = sizeof bytes;
        memcpy(bytes, "\xc3\x01", 2);
    } else if (strcmp(hex, "empty") != 0) {
        value.length = unhex(hex, bytes, sizeof bytes);
    }
    int32_t partition = place_subject(scenario, &given, subject_key);
    next_sequence(scenario, &given, partition);
    feed(scenario, &given, partition, subject_key, value);
    return true;
}

/* right STEP KIND case=C about=DEPARTMENT/ITEM key=K …: a step of a case about the record K. What is not named fits: the authority is the
 * department of the record, the version rises. */
bool test_scenario_give_right(struct scenario *scenario, const struct test_word *words, int count)
{
    char item[64], target_key[600] = "", department[128] = "", target[128] = "";
    const char *case_number = "1";
    struct test_word all[TEST_SCRIPT_MAX_WORDS];
    int used = 0;
    if (count < 4)
        return test_scenario_fail(scenario, "right STEP KIND case=C about=DEPARTMENT/ITEM key=K");
    snprintf(item, sizeof item, "rights/%s", words[2].name);
    all[used++] = words[0];
    all[used++] = (struct test_word){item, NULL};
    all[used++] = (struct test_word){"PUT", NULL};
    all[used++] = (struct test_word){"step", words[1].name};
    for (int i = 3; i < count; i++) {
        const struct test_word *word = &words[i];
        if (word->value == NULL)
            return test_scenario_fail(scenario, "%s is not NAME=VALUE", word->name);
        if (strcmp(word->name, "about") == 0) {
            size_t length = strcspn(word->value, "/");
            snprintf(department, sizeof department, "%.*s", (int)length, word->value);
            snprintf(target, sizeof target, "%s", word->value[length] == '/' ? word->value + length + 1 : "");
        } else if (strcmp(word->name, "key") == 0) {
            snprintf(target_key, sizeof target_key, "%s", word->value);
        } else if (strcmp(word->name, "case") == 0) {
            case_number = word->value;
        } else {
            all[used++] = *word;
        }
    }
    char record_key[800];
    snprintf(record_key, sizeof record_key, "%s|%s", department, target_key);
    const struct test_word defaults[] = {
        {"key", case_number},    {"case_number", case_number},      {"target_department", department},
        {"target_item", target}, {"target_record_key", record_key}, {"authority", department},
    };
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0] && used < TEST_SCRIPT_MAX_WORDS; i++)
        all[used++] = defaults[i]; /* what the line named comes first and wins */
    return test_scenario_give(scenario, all, used);
}
