/*
 * commands.h - every command, by the file that holds it. The table is in commands.c.
 */
#ifndef TRIAGED_CLI_COMMANDS_H
#define TRIAGED_CLI_COMMANDS_H

#include "cli.h"

/* cmd_next.c, cmd_incidents.c, cmd_explain.c */
extern const struct command cmd_next, cmd_list, cmd_show, cmd_open, cmd_explain;
/* cmd_verbs.c */
extern const struct command cmd_ack, cmd_assign, cmd_release, cmd_note, cmd_update, cmd_escalate,
    cmd_raise, cmd_lower, cmd_snooze, cmd_resolve, cmd_verify, cmd_confirm, cmd_close, cmd_reopen,
    cmd_merge;
/* cmd_watch.c, cmd_views.c, cmd_stats.c */
extern const struct command cmd_watch, cmd_queues, cmd_automation, cmd_whoami, cmd_stats, cmd_noise,
    cmd_complete;
/* cmd_records.c */
extern const struct command cmd_problems, cmd_problem_write, cmd_known_errors, cmd_known_error_add,
    cmd_known_error_delete, cmd_actions, cmd_action_add, cmd_action_done;
/* cmd_reviews.c */
extern const struct command cmd_reviews, cmd_review_show, cmd_review_write;
/* cmd_quarantine.c, cmd_spool.c */
extern const struct command cmd_quarantine_list, cmd_quarantine_show, cmd_quarantine_replay,
    cmd_spool_inspect, cmd_spool_retry;
/* cmd_check.c, cmd_decode.c, cmd_rules.c, cmd_completion.c */
extern const struct command cmd_check, cmd_config_reference, cmd_decode, cmd_rules_test,
    cmd_completion;

#endif
