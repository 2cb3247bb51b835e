/* moving.c - see moving.h. */
#include "moving.h"
#include "edit.h"

/* The class that was the how manieth to move; NULL if there is none. Borrowed from the log. */
static mp_type_edit *
mover_at(mp_log *log, Py_ssize_t turn)
{
    for (Py_ssize_t i = 0; i < log->used; i++) {
        if (log->edits[i].kind == MP_TYPE_EDIT && log->edits[i].of.type.turn == turn) {
            return &log->edits[i].of.type;
        }
    }
    return NULL;
}

/* Move the classes of these turns back, or once more: it has been done in this order. */
static void
retrace(mp_log *log, Py_ssize_t first, Py_ssize_t last)
{
    mp_error error = mp_error_take();
    Py_ssize_t step = first <= last ? 1 : -1;

    for (Py_ssize_t turn = first; turn != last + step; turn += step) {
        mp_type_edit *edit_b = mover_at(log, turn);
        if (mp_type_move(edit_b) < 0) { /* what was there a moment ago fits */
            PyErr_WriteUnraisable((PyObject *)edit_b->target);
        }
    }
    mp_error_give_back(error);
}

/* Move all classes that can move now, and number them. A class whose bases conflict may have to wait for
 * another, and so what is left is not an error yet. */
static int
move_some(mp_log *log, Py_ssize_t *moved, Py_ssize_t *left)
{
    int ret = MP_ERROR;

    *left = 0;
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_type_edit *edit_b = &log->edits[i].of.type;
        if (log->edits[i].kind != MP_TYPE_EDIT || !mp_type_moves(edit_b) || edit_b->turn != 0) {
            continue;
        }
        if (mp_type_move(edit_b) == MP_OK) {
            edit_b->turn = ++*moved;
        }
        else if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            ++*left;
        }
        else {
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* Move the first class that does not want to, for its error. */
static int
move_next(mp_log *log, Py_ssize_t *moved)
{
    int ret = MP_ERROR;
    mp_type_edit *edit_b = NULL;

    for (Py_ssize_t i = 0; i < log->used && edit_b == NULL; i++) {
        if (log->edits[i].kind == MP_TYPE_EDIT && mp_type_moves(&log->edits[i].of.type) &&
            log->edits[i].of.type.turn == 0) {
            edit_b = &log->edits[i].of.type;
        }
    }
    ret = mp_type_move(edit_b);
    if (ret == MP_OK) {
        edit_b->turn = ++*moved;
    }
    return ret;
}

/* Give all classes their new bases and metaclasses, or none. */
static int
move_all(mp_log *log)
{
    int ret = MP_ERROR;
    Py_ssize_t moved = 0, left = 0, before = 0;

    for (Py_ssize_t i = 0; i < log->used; i++) {
        if (log->edits[i].kind == MP_TYPE_EDIT) {
            log->edits[i].of.type.turn = 0;
        }
    }
    do {
        before = moved;
        if (move_some(log, &moved, &left) < 0 ||
            (left > 0 && moved == before && move_next(log, &moved) < 0)) {
            goto done;
        }
    } while (left > 0);
    ret = MP_OK;
done:
    if (ret < 0 && moved > 0) {
        retrace(log, moved, 1);
    }
    return ret;
}

static Py_ssize_t
count_moved(mp_log *log)
{
    Py_ssize_t moved = 0;

    for (Py_ssize_t i = 0; i < log->used; i++) {
        if (log->edits[i].kind == MP_TYPE_EDIT && log->edits[i].of.type.turn > moved) {
            moved = log->edits[i].of.type.turn;
        }
    }
    return moved;
}

/* Give all classes their old bases and metaclasses back, the last that moved first, or none. */
static int
move_all_back(mp_log *log)
{
    int ret = MP_ERROR;
    Py_ssize_t moved = count_moved(log), turn = moved;

    for (; turn > 0; turn--) {
        if (mp_type_move(mover_at(log, turn)) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    if (ret < 0 && turn < moved) {
        retrace(log, turn + 1, moved);
    }
    return ret;
}

int
mp_moves_make(mp_log *log)
{
    return log->applied ? move_all_back(log) : move_all(log);
}

void
mp_moves_take_back(mp_log *log)
{
    Py_ssize_t moved = count_moved(log);

    if (moved > 0) {
        retrace(log, log->applied ? 1 : moved, log->applied ? moved : 1);
    }
}
