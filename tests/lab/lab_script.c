/* SPDX-License-Identifier: Apache-2.0 */
#include "lab_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MAX_EVENTS 100000u
#define MAX_LINE 200u
#define MAX_SECONDS 1e6

typedef enum value_kind { NUMBER, ON_OFF, NAME } value_kind;

static const struct {
    const char *name;
    value_kind kind;
    double min, max;
    bool of_link;
} whats[] = {
    [LAB_RATE] = {"rate", NUMBER, 0, 10000, true},
    [LAB_DELAY] = {"delay", NUMBER, 0, 10000, true},
    [LAB_JITTER] = {"jitter", NUMBER, 0, 10000, true},
    [LAB_QUEUE] = {"queue", NUMBER, 1, 100000, true},
    [LAB_LOSS] = {"loss", NUMBER, 0, 100, true},
    [LAB_REORDER] = {"reorder", NUMBER, 0, 100, true},
    [LAB_OUTAGE] = {"outage", ON_OFF, 0, 1, true},
    [LAB_DEVICE] = {"device", NUMBER, 1, 1000, false},
    [LAB_SERVER] = {"server", NUMBER, 1, 1000, false},
    [LAB_PHASE] = {"phase", NAME, 0, 0, false},
};

static bool parse_number(double *out, const char *word, double min, double max)
{
    char *end;
    double value = strtod(word, &end);

    if (end == word || *end != '\0' || !(value >= min && value <= max))
        return false;
    *out = value;
    return true;
}

static bool parse_value(lab_event *event, const char *word)
{
    switch (whats[event->what].kind) {
    case NUMBER:
        return parse_number(&event->value, word, whats[event->what].min, whats[event->what].max);
    case ON_OFF:
        event->value = strcmp(word, "on") == 0;
        return event->value > 0 || strcmp(word, "off") == 0;
    case NAME:
        (void)snprintf(event->name, sizeof event->name, "%s", word);
        return strlen(word) < sizeof event->name;
    }
    return false;
}

static bool parse_ways(lab_event *event, const char *word)
{
    event->ways = LAB_UP | LAB_DOWN;
    if (word == NULL)
        return true;
    event->ways = strcmp(word, "up") == 0 ? LAB_UP : LAB_DOWN;
    return whats[event->what].of_link && (event->ways == LAB_UP || strcmp(word, "down") == 0);
}

static bool parse_what(lab_event *event, const char *word)
{
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        if (strcmp(word, whats[i].name) == 0) {
            event->what = (lab_what)i;
            return true;
        }
    }
    return false;
}

/* NULL: the line is an event, or (found false) empty. Else what is wrong with it. */
static const char *parse_line(lab_event *event, bool *found, char *line)
{
    char *words[5], *rest = NULL;
    size_t n = 0;
    double seconds;

    *found = false;
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL && n < 5;
         word = strtok_r(NULL, " \t\r", &rest))
        words[n++] = word;
    if (n == 0)
        return NULL;
    if (n < 3 || n > 4)
        return "a line is SECONDS WHAT VALUE [up|down]";
    if (!parse_number(&seconds, words[0], 0, MAX_SECONDS))
        return "the time is no number of seconds";
    event->at_us = (uint64_t)(seconds * 1e6 + 0.5);
    if (!parse_what(event, words[1]))
        return "rate, delay, jitter, queue, loss, reorder, outage, device, server or phase is "
               "what may happen";
    if (!parse_value(event, words[2]))
        return "the value isn't one, or is out of range";
    if (!parse_ways(event, n > 3 ? words[3] : NULL))
        return "behind the value comes up or down, of a link, or nothing";
    *found = true;
    return NULL;
}

static clv_status add_event(lab_script *script, const lab_event *event)
{
    /* Room is doubled at every power of two. */
    if ((script->count & (script->count - 1)) == 0) {
        size_t room = script->count == 0 ? 1 : (size_t)script->count * 2;
        lab_event *more = clv_realloc_array(script->events, room, sizeof *more);
        if (more == NULL)
            return CLV_ENOMEM;
        script->events = more;
    }
    script->events[script->count++] = *event;
    return CLV_OK;
}

clv_status lab_script_parse(lab_script *out, const char *text, size_t bytes, const char *name,
                            clv_error *err)
{
    lab_script script = {0};
    clv_status status = CLV_OK;
    uint64_t last_us = 0;
    char line[MAX_LINE], place[300];
    size_t from = 0;

    for (unsigned number = 1; from < bytes && status == CLV_OK; number++) {
        const char *end = memchr(text + from, '\n', bytes - from);
        size_t length = end != NULL ? (size_t)(end - text) - from : bytes - from;
        lab_event event = {0};
        bool found = false;
        const char *wrong = "the line is too long";

        if (length < sizeof line) {
            memcpy(line, text + from, length);
            line[length] = '\0';
            wrong = parse_line(&event, &found, line);
        }
        from += length + 1;
        if (wrong == NULL && found && event.at_us < last_us)
            wrong = "time goes back";
        if (wrong == NULL && script.count == MAX_EVENTS)
            wrong = "too many events";
        (void)snprintf(place, sizeof place, "%s:%u", name, number);
        if (wrong != NULL)
            status = clv_fail(err, CLV_EFORMAT, place, "%s", wrong);
        else if (found && add_event(&script, &event) != CLV_OK)
            status = clv_fail(err, CLV_ENOMEM, place, "out of memory");
        last_us = found ? event.at_us : last_us;
    }
    if (status == CLV_OK)
        *out = script;
    else
        lab_script_done(&script);
    return status;
}

void lab_script_done(lab_script *script)
{
    clv_free(script->events);
    *script = (lab_script){0};
}

static void apply(lab_impairment *link, const lab_event *event)
{
    switch (event->what) {
    case LAB_RATE:
        link->rate_mbit = event->value;
        break;
    case LAB_DELAY:
        link->delay_us = (uint32_t)(event->value * 1000 + 0.5);
        break;
    case LAB_JITTER:
        link->jitter_us = (uint32_t)(event->value * 1000 + 0.5);
        break;
    case LAB_QUEUE:
        link->queue_us = (uint32_t)(event->value * 1000 + 0.5);
        break;
    case LAB_LOSS:
        link->loss = event->value / 100;
        break;
    case LAB_REORDER:
        link->reorder = event->value / 100;
        break;
    case LAB_OUTAGE:
        link->outage = event->value > 0;
        break;
    case LAB_DEVICE:
    case LAB_SERVER:
    case LAB_PHASE:
        break;
    }
}

void lab_event_apply(lab_impairment link[2], const lab_event *event)
{
    if (event->ways & LAB_UP)
        apply(&link[0], event);
    if (event->ways & LAB_DOWN)
        apply(&link[1], event);
}
