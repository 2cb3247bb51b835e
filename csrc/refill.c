/* refill.c - see refill.h. */
#include "refill.h"
#include "edit.h"
#include "iteration.h"

/* The obstacle of an mp_iteration_exchange. */
static const char *
obstacle_to_contents(void *arg)
{
    const char *obstacle = NULL;
    mp_log *log_b = arg;

    for (Py_ssize_t i = 0; i < log_b->used && obstacle == NULL; i++) {
        mp_edit *edit_b = &log_b->edits[i];
        if (edit_b->kind == MP_DICT_EDIT && !mp_dict_is_as_seen(&edit_b->of.dict)) {
            obstacle = "a dictionary was changed by somebody else meanwhile, or is watched";
        }
        else if (edit_b->kind == MP_LIST_EDIT && !mp_list_is_as_seen(&edit_b->of.list)) {
            obstacle = "a list was changed by somebody else meanwhile";
        }
        else if (edit_b->kind == MP_SET_EDIT && !mp_set_is_as_seen(&edit_b->of.set)) {
            obstacle = "a set was changed by somebody else meanwhile";
        }
    }
    return obstacle;
}

/* The exchange of an mp_iteration_exchange, and what takes it back. */
static void
exchange_contents(void *arg)
{
    mp_log *log_b = arg;

    for (Py_ssize_t i = 0; i < log_b->used; i++) {
        mp_edit *edit_b = mp_edit_at(log_b, i);
        if (edit_b->kind == MP_DICT_EDIT) {
            mp_dict_exchange_tables(&edit_b->of.dict);
        }
        else if (edit_b->kind == MP_LIST_EDIT) {
            mp_list_exchange(&edit_b->of.list);
        }
        else if (edit_b->kind == MP_SET_EDIT) {
            mp_set_exchange(&edit_b->of.set);
        }
    }
    log_b->applied = !log_b->applied;
}

int
mp_refill_exchange(mp_log *log)
{
    int ret = MP_ERROR;
    mp_addresses targets = {0};
    mp_iteration_exchange how = {obstacle_to_contents, exchange_contents, log};

    if (log->applied) {
        mp_stop_the_world();
        exchange_contents(log);
        mp_start_the_world();
        ret = MP_OK;
        goto done;
    }
    if (mp_addresses_make(&targets, (size_t)log->used) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = &log->edits[i];
        if (edit_b->kind == MP_DICT_EDIT) {
            targets.items_b[targets.used++] = edit_b->of.dict.target;
        }
        else if (edit_b->kind == MP_SET_EDIT) {
            targets.items_b[targets.used++] = edit_b->of.set.target;
        }
    }
    ret = mp_exchange_unless_iterated(&targets, &how);
done:
    for (Py_ssize_t i = 0; i < log->used && ret == MP_OK; i++) {
        if (log->edits[i].kind == MP_DICT_EDIT) {
            mp_dict_track(&log->edits[i].of.dict);
        }
    }
    mp_addresses_drop(&targets);
    return ret;
}
