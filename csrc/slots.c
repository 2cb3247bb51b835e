/* slots.c - see slots.h. */
#include "slots.h"

#include "bases.h"
#include "hidden.h"
#include "layout.h"
#include "sidetable.h"

#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    PyObject *owner;    /* Owned. */
    PyObject *name;     /* Owned. */
    PyObject *qualname; /* Owned. */
    int in_dict;
} mp_slot;

static int
slot_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((mp_slot *)self)->owner);
    return 0;
}

/* There is no tp_clear, as there is none for CPython's descriptors: a cycle goes through the dictionary
 * of a class, which has one. */
static void
slot_dealloc(PyObject *self)
{
    mp_slot *slot = (mp_slot *)self;

    PyObject_GC_UnTrack(self);
    Py_XDECREF(slot->owner);
    Py_XDECREF(slot->name);
    Py_XDECREF(slot->qualname);
    PyObject_GC_Del(self);
}

static PyObject *
slot_repr(PyObject *self)
{
    mp_slot *slot_b = (mp_slot *)self;

    return PyUnicode_FromFormat("<member '%U' of '%s' objects>", slot_b->name,
                                ((PyTypeObject *)slot_b->owner)->tp_name);
}

static int
check_instance(mp_slot *slot_b, PyObject *instance_b)
{
    int ret = MP_OK;

    if (!PyObject_TypeCheck(instance_b, (PyTypeObject *)slot_b->owner)) {
        PyErr_Format(PyExc_TypeError,
                     "descriptor '%U' for '%.100s' objects doesn't apply to a '%.100s' object",
                     slot_b->name, ((PyTypeObject *)slot_b->owner)->tp_name,
                     Py_TYPE(instance_b)->tp_name);
        ret = MP_ERROR;
    }
    return ret;
}

/* ---- values in the __dict__ of an instance ----------------------------------------------- */

/* Tell whether instances have a dictionary for values: that of a class is no place for the program
 * to put things into past its type. */
static int
has_place_in_dict(PyTypeObject *type_b)
{
    return type_b->tp_dictoffset != 0 && !PyType_HasFeature(type_b, Py_TPFLAGS_TYPE_SUBCLASS);
}

static int
lies_in_dict(mp_slot *slot_b, PyObject *instance_b)
{
    return slot_b->in_dict && has_place_in_dict(Py_TYPE(instance_b));
}

static PyObject *
get_from_dict(mp_slot *slot_b, PyObject *instance_b)
{
    /* Owned. */
    PyObject *value = NULL, *attributes = PyObject_GenericGetDict(instance_b, NULL);

    if (attributes != NULL && mp_dict_find(attributes, slot_b->name, &value) == 0) {
        mp_error_unset(instance_b, slot_b->name);
    }
    Py_XDECREF(attributes);
    return value;
}

/* Set a value, or delete it if there is none. */
static int
set_in_dict(mp_slot *slot_b, PyObject *instance_b, PyObject *value_b)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *attributes = PyObject_GenericGetDict(instance_b, NULL);

    if (attributes == NULL) {
        goto done;
    }
    ret = value_b != NULL ? PyDict_SetItem(attributes, slot_b->name, value_b)
                          : PyDict_DelItem(attributes, slot_b->name);
    if (ret < 0 && value_b == NULL && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_SetObject(PyExc_AttributeError, slot_b->name);
    }
done:
    Py_XDECREF(attributes);
    return ret;
}

/* ---- the descriptor ---------------------------------------------------------------------- */

static PyObject *
slot_get(PyObject *self, PyObject *instance, PyObject *Py_UNUSED(type))
{
    PyObject *value = NULL;
    mp_slot *slot_b = (mp_slot *)self;

    if (instance == NULL) {
        value = Py_NewRef(self);
        goto done;
    }
    if (check_instance(slot_b, instance) < 0) {
        goto done;
    }
    if (lies_in_dict(slot_b, instance)) {
        value = get_from_dict(slot_b, instance);
        goto done;
    }
    value = mp_sidetable_get(instance, self);
    if (value == NULL) {
        mp_error_unset(instance, slot_b->name);
    }
done:
    return value;
}

static int
slot_delete(mp_slot *slot_b, PyObject *instance)
{
    int ret = MP_ERROR;
    /* Owned. */
    mp_side_entry *entry = mp_sidetable_take(instance, (PyObject *)slot_b);

    if (entry == NULL) {
        PyErr_SetObject(PyExc_AttributeError, slot_b->name);
        goto done;
    }
    mp_sidetable_drop(entry);
    ret = MP_OK;
done:
    return ret;
}

static int
slot_set(PyObject *self, PyObject *instance, PyObject *value)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *old = NULL;

    if (check_instance((mp_slot *)self, instance) < 0) {
        goto done;
    }
    if (lies_in_dict((mp_slot *)self, instance)) {
        ret = set_in_dict((mp_slot *)self, instance, value);
        goto done;
    }
    if (value == NULL) {
        ret = slot_delete((mp_slot *)self, instance);
        goto done;
    }
    old = mp_sidetable_exchange(instance, self, Py_NewRef(value));
    if (old != NULL) {
        Py_DECREF(old);
        ret = MP_OK;
        goto done;
    }
    Py_DECREF(value); /* `exchange` did not take it, and the caller has it */
    /* Its class may have come later and be laid out by a base that is not prepared. */
    if (!mp_hidden_is_below(Py_TYPE(instance)) && mp_hidden_ensure(Py_TYPE(instance)) < 0) {
        goto done;
    }
    ret = mp_sidetable_insert(instance, self, value);
done:
    return ret;
}

/* Pickled by name, like a slot (gh-67116, descr_reduce in Objects/descrobject.c). */
static PyObject *
slot_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *result = NULL, *builtins = PyImport_ImportModule("builtins");

    if (builtins != NULL) {
        result = Py_BuildValue("N(OO)", PyObject_GetAttrString(builtins, "getattr"),
                               ((mp_slot *)self)->owner, ((mp_slot *)self)->name);
        Py_DECREF(builtins);
    }
    return result;
}

static PyObject *
slot_qualname(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((mp_slot *)self)->qualname);
}

static PyObject *
slot_doc(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    Py_RETURN_NONE;
}

static PyMemberDef slot_members[] = {
    {"__objclass__", T_OBJECT, offsetof(mp_slot, owner), READONLY, NULL},
    {"__name__", T_OBJECT, offsetof(mp_slot, name), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef slot_getsets[] = {
    {"__qualname__", slot_qualname, NULL, NULL, NULL},
    {"__doc__", slot_doc, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef slot_methods[] = {
    {"__reduce__", slot_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject slot_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "mighty_patcher._core.SideSlot",
    .tp_basicsize = sizeof(mp_slot),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = slot_dealloc,
    .tp_traverse = slot_traverse,
    .tp_repr = slot_repr,
    .tp_descr_get = slot_get,
    .tp_descr_set = slot_set,
    .tp_members = slot_members,
    .tp_getset = slot_getsets,
    .tp_methods = slot_methods,
};

PyObject *
mp_slots_type(void)
{
    return PyType_Ready(&slot_type) < 0 ? NULL : Py_NewRef((PyObject *)&slot_type);
}

/* Prepare a class for values outside of its instances, unless these have a dictionary for them, and
 * then so have those of the classes that derive from it. */
static int
ensure_without_dict(PyTypeObject *type, void *Py_UNUSED(context))
{
    if (has_place_in_dict(type) && mp_layout_is_of_python(type)) {
        return 0;
    }
    return mp_hidden_ensure(type) < 0 ? MP_ERROR : 1;
}

PyObject *
mp_slots_new(PyObject *owner, PyObject *name, int in_dict)
{
    int ret = MP_ERROR;
    /* Owned. */
    mp_slot *slot = NULL;

    if (!PyType_Check(owner) || !PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "expected a class and a name");
        goto done;
    }
    if (PyType_Ready(&slot_type) < 0) {
        goto done;
    }
    if ((in_dict ? mp_bases_visit((PyTypeObject *)owner, ensure_without_dict, NULL)
                 : mp_hidden_ensure_all((PyTypeObject *)owner)) < 0) {
        goto done;
    }
    slot = PyObject_GC_New(mp_slot, &slot_type);
    if (slot == NULL) {
        goto done;
    }
    slot->in_dict = in_dict;
    slot->owner = Py_NewRef(owner);
    slot->name = Py_NewRef(name);
    PyUnicode_InternInPlace(&slot->name);
    slot->qualname = PyUnicode_FromFormat("%U.%U", ((PyHeapTypeObject *)owner)->ht_qualname, slot->name);
    PyObject_GC_Track(slot);
    if (slot->qualname == NULL) {
        goto done;
    }
    ret = MP_OK;
done:
    if (ret < 0) {
        Py_CLEAR(slot);
    }
    return (PyObject *)slot;
}
