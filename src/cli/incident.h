/*
 * incident.h - an incident's JSON in words: who, what state, what is due, one line, all of it.
 */
#ifndef TRIAGED_CLI_INCIDENT_H
#define TRIAGED_CLI_INCIDENT_H

#include "client.h"
#include "table.h"

/* A member as text: texts as they are, numbers in decimal, lists with commas; else empty. */
struct str field_text(struct arena *a, const jx *object, const char *name);
/* A member that is a number, or 0. */
int64_t field_number(const jx *object, const char *name);
/* A member that is a time: as "3m ago", or empty. */
struct str field_ago(struct client *c, const jx *object, const char *name);
/* A member that is a deadline: "in 12m", "overdue 5m" with its style, or empty. */
struct str field_due(struct client *c, const jx *object, const char *name, enum style *style);
/* Members but those that `known` names (a list up to NULL), as "root cause bad disk, from tier1";
 * times as local ones. */
struct str field_rest(struct arena *a, int64_t now_ms, const jx *object, const char *const *known);
/* A name of the API for people: blanks for underscores. */
struct str field_words(struct arena *a, struct str name);

enum style priority_style(struct str priority);
enum style state_style(struct str state);
/* open, acknowledged …, and the flags beside it: "open, snoozed". */
struct str incident_state(struct arena *a, const jx *incident);
/* Who holds it, or "for bob", "manager", "". */
struct str incident_who(struct arena *a, const jx *incident);
/* "acknowledge in 3m", "tier2 overdue 5m". */
struct str incident_due(struct client *c, const jx *incident, enum style *style);

/* "NET-42  P1  acknowledged by alice  Disk filling on web-1" */
void incident_line(struct client *c, const jx *incident);
/* What still stands between a resolved incident and its closing; nothing for others. */
void incident_to_close(struct client *c, const jx *incident);
/* All of it (card.c). */
void incident_card(struct client *c, const jx *incident);
/* Below the card, from the answer of GET /incidents/ID: alerts, timeline, similar ones. */
void incident_details(struct client *c, const jx *answer);

/* "name  value" with the value wrapped; nothing when the value is empty. */
void card_row(struct client *c, const char *name, enum style style, struct str value);
/* An entry of a timeline or an event: text, then its other members. */
struct str entry_detail(struct arena *a, int64_t now_ms, const jx *entry);

#endif
