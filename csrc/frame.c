/* frame.c - see frame.h. */
#include "frame.h"

/* Append (code, globals, line) of one frame. */
static int
append_frame(PyObject *running, PyFrameObject *frame_b)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *code = (PyObject *)PyFrame_GetCode(frame_b);
    PyObject *globals = PyFrame_GetGlobals(frame_b);
    PyObject *line = PyLong_FromLong(PyFrame_GetLineNumber(frame_b));
    PyObject *entry = NULL;

    if (code != NULL && globals != NULL && line != NULL) {
        entry = PyTuple_Pack(3, code, globals, line);
    }
    if (entry != NULL) {
        ret = PyList_Append(running, entry);
    }
    Py_XDECREF(entry);
    Py_XDECREF(line);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    return ret;
}

/* Append the frames of one thread, innermost first. */
static int
append_thread(PyObject *running, PyThreadState *thread_b)
{
    int ret = MP_OK;
    /* Owned. */
    PyFrameObject *frame = PyThreadState_GetFrame(thread_b);

    while (frame != NULL && ret == MP_OK) {
        PyFrameObject *outer = PyFrame_GetBack(frame);
        ret = append_frame(running, frame);
        Py_DECREF(frame);
        frame = outer;
    }
    Py_XDECREF(frame);
    return ret;
}

PyObject *
mp_frames_running(void)
{
    int ret = MP_OK, was_enabled = PyGC_Disable();
    /* Owned. */
    PyObject *running = PyList_New(0);
    /* Borrowed. */
    PyThreadState *thread_b = NULL;

    if (running == NULL) {
        ret = MP_ERROR;
        goto done;
    }
    mp_stop_the_world();
    thread_b = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    while (thread_b != NULL && ret == MP_OK) {
        ret = append_thread(running, thread_b);
        thread_b = PyThreadState_Next(thread_b);
    }
    mp_start_the_world();
done:
    if (was_enabled) {
        PyGC_Enable();
    }
    if (ret < 0) {
        Py_CLEAR(running);
    }
    return running;
}
