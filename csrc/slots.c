/* slots.c - see slots.h. */
#include "slots.h"

#include <stddef.h>
#include <stdlib.h>
#include <structmember.h>

/* ---- the table --------------------------------------------------------------------------- */

/* One value of one instance. Owns the descriptor too, or another one might come to lie at its address. */
typedef struct mp_entry {
    struct mp_entry *next;
    PyObject *descriptor; /* Owned. */
    PyObject *value;      /* Owned. */
} mp_entry;

/* An instance that has entries. Does not own it: it takes its entries along when it goes. */
typedef struct {
    PyObject *instance_b;
    mp_entry *entries;
} mp_place;

/* Open addressing with linear probing; at least half of the places are free. Whoever reads or writes it
 * holds the lock, and while holding it does nothing that could detach its thread: no Python, no objects
 * made, no reference dropped, and memory from malloc(), since PyMem_RawMalloc() may wait for the lock of
 * tracemalloc. So with the world stopped the lock is free, and a collection can take it (compat.h). */
static struct {
    mp_place *places;
    size_t size;  /* a power of two, or 0 */
    size_t taken; /* places */
    size_t count; /* entries */
    mp_spin lock;
} table;

/* The place of an instance, or the free one where it belongs. The table has a free place. */
static size_t
probe(PyObject *instance_b)
{
    /* Addresses are multiples of 16; the multiplier is that of Fibonacci hashing. */
    size_t mask = table.size - 1;
    uint64_t hash = ((uint64_t)(uintptr_t)instance_b >> 4) * 0x9E3779B97F4A7C15u;
    size_t i = (size_t)(hash >> 32) & mask;

    while (table.places[i].instance_b != NULL && table.places[i].instance_b != instance_b) {
        i = (i + 1) & mask;
    }
    return i;
}

/* The first entry of an instance, NULL if it has none. Borrowed from the table. */
static mp_entry *
entries_of(PyObject *instance_b)
{
    return table.taken == 0 ? NULL : table.places[probe(instance_b)].entries;
}

/* Twice the room if half of the places are taken. False if there is no memory. */
static int
make_room(void)
{
    mp_place *before = table.places;
    size_t size = table.size;

    if (2 * (table.taken + 1) > size) {
        mp_place *places = calloc(size == 0 ? 64 : 2 * size, sizeof(*places));
        if (places == NULL) {
            return 0;
        }
        table.places = places;
        table.size = size == 0 ? 64 : 2 * size;
        for (size_t i = 0; i < size; i++) {
            if (before[i].instance_b != NULL) {
                table.places[probe(before[i].instance_b)] = before[i];
            }
        }
        free(before);
    }
    return 1;
}

/* Free a place, and let those behind it move up that could not be found any more (Knuth, algorithm 6.4 R):
 * there are no marks of what was deleted, that would make the table slower and slower. */
static void
free_place(size_t hole)
{
    size_t mask = table.size - 1;

    table.places[hole] = (mp_place){NULL, NULL};
    for (size_t i = (hole + 1) & mask; table.places[i].instance_b != NULL; i = (i + 1) & mask) {
        mp_place moved = table.places[i];
        table.places[i] = (mp_place){NULL, NULL};
        table.places[probe(moved.instance_b)] = moved;
    }
    table.taken--;
}

/* Take the entries of an instance out of the table, only that of a descriptor if one is given. Linked
 * to each other; the caller owns them. */
static mp_entry *
take(PyObject *instance_b, PyObject *descriptor_b)
{
    mp_entry *taken = NULL, **at_b = NULL;
    size_t place = 0;

    mp_spin_lock(&table.lock);
    if (entries_of(instance_b) == NULL) {
        goto done;
    }
    place = probe(instance_b);
    at_b = &table.places[place].entries;
    while (*at_b != NULL) {
        mp_entry *entry = *at_b;
        if (descriptor_b == NULL || entry->descriptor == descriptor_b) {
            *at_b = entry->next;
            entry->next = taken;
            taken = entry;
            table.count--;
        }
        else {
            at_b = &entry->next;
        }
    }
    if (table.places[place].entries == NULL) {
        free_place(place);
    }
done:
    mp_spin_unlock(&table.lock);
    return taken;
}

/* Drop entries that were taken out. Runs finalizers. */
static void
drop(mp_entry *entries)
{
    while (entries != NULL) {
        mp_entry *entry = entries;
        entries = entry->next;
        Py_DECREF(entry->value);
        Py_DECREF(entry->descriptor);
        free(entry);
    }
}

/* The value of an instance. New reference, NULL without an error if there is none. */
static PyObject *
value_of(PyObject *instance_b, PyObject *descriptor_b)
{
    PyObject *value = NULL;

    mp_spin_lock(&table.lock);
    for (mp_entry *entry_b = entries_of(instance_b); entry_b != NULL; entry_b = entry_b->next) {
        if (entry_b->descriptor == descriptor_b) {
            value = Py_NewRef(entry_b->value);
            break;
        }
    }
    mp_spin_unlock(&table.lock);
    return value;
}

/* Exchange the value of an instance, if it has one. Returns the old one, which the caller owns then,
 * or NULL; then the caller still owns the new one. */
static PyObject *
exchange(PyObject *instance_b, PyObject *descriptor_b, PyObject *value)
{
    PyObject *old = NULL;

    mp_spin_lock(&table.lock);
    for (mp_entry *entry_b = entries_of(instance_b); entry_b != NULL; entry_b = entry_b->next) {
        if (entry_b->descriptor == descriptor_b) {
            old = entry_b->value;
            entry_b->value = value;
            break;
        }
    }
    mp_spin_unlock(&table.lock);
    return old;
}

/* Put in an entry for which there may be one already (another thread was faster): that one is taken
 * out. On error nothing was changed. Runs finalizers. */
static int
insert(PyObject *instance_b, PyObject *descriptor_b, PyObject *value_b)
{
    int ret = MP_ERROR, has_room = 0;
    /* Owned; the table's in the end. */
    mp_entry *entry = malloc(sizeof(*entry)), *old = NULL;

    if (entry == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    entry->descriptor = Py_NewRef(descriptor_b);
    entry->value = Py_NewRef(value_b);
    mp_spin_lock(&table.lock);
    has_room = make_room();
    if (has_room) {
        mp_place *place_b = &table.places[probe(instance_b)];
        mp_entry **at_b = &place_b->entries;
        if (place_b->instance_b == NULL) {
            place_b->instance_b = instance_b;
            table.taken++;
        }
        while (*at_b != NULL && (*at_b)->descriptor != descriptor_b) {
            at_b = &(*at_b)->next;
        }
        old = *at_b;
        entry->next = old == NULL ? NULL : old->next;
        *at_b = entry;
        table.count += old == NULL;
    }
    mp_spin_unlock(&table.lock);
    if (!has_room) {
        entry->next = NULL;
        drop(entry);
        PyErr_NoMemory();
        goto done;
    }
    if (old != NULL) {
        old->next = NULL;
        drop(old);
    }
    ret = MP_OK;
done:
    return ret;
}

Py_ssize_t
mp_slots_count(void)
{
    Py_ssize_t count = 0;

    mp_spin_lock(&table.lock);
    count = (Py_ssize_t)table.count;
    mp_spin_unlock(&table.lock);
    return count;
}

/* ---- the hidden class -------------------------------------------------------------------- */

static void hidden_dealloc(PyObject *self);

int
mp_slots_is_hidden(PyTypeObject *type)
{
    return type->tp_dealloc == hidden_dealloc;
}

/* The hidden class in the layout of a class, NULL if there is none. Borrowed. */
static PyTypeObject *
hidden_of(PyTypeObject *type_b)
{
    while (type_b != NULL && !mp_slots_is_hidden(type_b)) {
        type_b = type_b->tp_base;
    }
    return type_b;
}

int
mp_slots_has_hidden(PyTypeObject *type)
{
    return hidden_of(type) != NULL;
}

/* What CPython gives to a class of Python (subtype_dealloc, subtype_traverse, subtype_clear in
 * Objects/typeobject.c). Each looks for the nearest base that has another one, and goes on with that. */
static struct {
    destructor dealloc;
    traverseproc traverse;
    inquiry clear;
} of_python;

static int
learn_of_python(void)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyTypeObject *sample = NULL;

    if (of_python.dealloc == NULL) {
        sample = (PyTypeObject *)PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}", "Sample");
        if (sample == NULL) {
            goto done;
        }
        of_python.traverse = sample->tp_traverse;
        of_python.clear = sample->tp_clear;
        of_python.dealloc = sample->tp_dealloc;
    }
    ret = MP_OK;
done:
    Py_XDECREF(sample);
    return ret;
}

/* True for a class that is laid out by CPython alone: one of Python, or like one. The collector knows
 * the instances of all of them, even of those that have nothing (type_new_alloc). */
static int
is_of_python(PyTypeObject *type_b)
{
    return type_b->tp_dealloc == of_python.dealloc && type_b->tp_traverse == of_python.traverse;
}

/* Go on as CPython would have gone on: the nearest base that does it in its own way. A class in C that is
 * freed like one of Python (typing.Generic since 3.12) has been dealt with by then, for it has nothing;
 * see check_storage. All borrowed. */
static PyTypeObject *
dealloc_base(PyTypeObject *hidden_b)
{
    PyTypeObject *base_b = hidden_b->tp_base;

    while (base_b->tp_dealloc == of_python.dealloc) {
        base_b = base_b->tp_base;
    }
    return base_b;
}

/* An instance and its class: it owns one reference to it, and whoever is the heap type that CPython comes
 * across first shows and drops that one. So do we, unless the base is a heap type itself. */
static int
hidden_traverse(PyObject *self, visitproc visit, void *arg)
{
    /* Borrowed. */
    PyTypeObject *base_b = hidden_of(Py_TYPE(self))->tp_base;
    mp_entry *entry_b = NULL;

    /* The lock is only for the table. The entries themselves are read without, for visit() may do
     * anything: with the GIL nobody else runs, and without it the world is stopped while objects are
     * traversed, by a collection and by gc.get_referents() alike (gh-112529). */
    mp_spin_lock(&table.lock);
    entry_b = entries_of(self);
    mp_spin_unlock(&table.lock);
    for (; entry_b != NULL; entry_b = entry_b->next) {
        Py_VISIT(entry_b->value);
        Py_VISIT(entry_b->descriptor);
    }
    if (base_b->tp_traverse == NULL || !PyType_HasFeature(base_b, Py_TPFLAGS_HEAPTYPE)) {
        Py_VISIT(Py_TYPE(self));
    }
    return base_b->tp_traverse == NULL ? 0 : base_b->tp_traverse(self, visit, arg);
}

static int
hidden_clear(PyObject *self)
{
    /* Borrowed. */
    PyTypeObject *base_b = hidden_of(Py_TYPE(self))->tp_base;

    drop(take(self, NULL));
    return base_b->tp_clear == NULL || base_b->tp_clear == of_python.clear ? 0 : base_b->tp_clear(self);
}

/* Called for what has no reference left and was finalized; weak references are gone. */
static void
hidden_dealloc(PyObject *self)
{
    mp_entry *entries = take(self, NULL);
    /* Borrowed, but for the reference that the instance has to its class. */
    PyTypeObject *type_b = Py_TYPE(self), *hidden_b = hidden_of(type_b);
    PyTypeObject *base_b = dealloc_base(hidden_b);
    int owns_type = !PyType_HasFeature(base_b, Py_TPFLAGS_HEAPTYPE);

    if (entries != NULL) {
        /* A finalizer may start a collection, which must not find it; but the base may count on its
         * being tracked, as it is here (Objects/typeobject.c, the questions below subtype_dealloc). */
        int is_tracked = PyObject_GC_IsTracked(self);
        if (is_tracked) {
            PyObject_GC_UnTrack(self);
        }
        drop(entries);
        if (is_tracked) {
            PyObject_GC_Track(self);
        }
    }
    base_b->tp_dealloc(self);
    if (owns_type) {
        Py_DECREF(type_b);
    }
}

/* The hidden classes, one for each class that has been found below those of Python. They stay. */
typedef struct mp_hidden {
    struct mp_hidden *next;
    PyTypeObject *type; /* Owned. */
} mp_hidden;

static mp_hidden *hidden_types;

/* The hidden class above a base; NULL if there is none yet. Borrowed. */
static PyTypeObject *
known_hidden(PyTypeObject *base_b)
{
    for (mp_hidden *hidden_b = hidden_types; hidden_b != NULL; hidden_b = hidden_b->next) {
        if (hidden_b->type->tp_base == base_b) {
            return hidden_b->type;
        }
    }
    return NULL;
}

/* Make one. It looks like its base in all that class creation, `__new__` and assignments to `__class__`
 * look at; but since it is freed in its own way, no instance can leave it by such an assignment
 * (compatible_with_tp_base, Objects/typeobject.c). A heap type, for then CPython leaves the reference to
 * the class of an instance to it. New reference. */
static PyTypeObject *
hidden_new(PyTypeObject *base_b)
{
    PyType_Slot slots[] = {
        {Py_tp_dealloc, (void *)hidden_dealloc},
        {Py_tp_traverse, (void *)hidden_traverse},
        {Py_tp_clear, (void *)hidden_clear},
        {Py_tp_doc, "Looks after slots that were added while instances were alive."},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "mighty_patcher._core.SideSlots",
        .flags = (unsigned int)(Py_TPFLAGS_DEFAULT |
                                (base_b->tp_flags & (Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE))),
        .slots = slots,
    };
    /* Owned. */
    PyObject *bases = PyTuple_Pack(1, base_b), *type = NULL;

    if (bases != NULL) {
        type = PyType_FromSpecWithBases(&spec, bases);
    }
    Py_XDECREF(bases);
    return (PyTypeObject *)type;
}

/* The hidden class above a base, made if need be. Borrowed, NULL on error. */
static PyTypeObject *
hidden_above(PyTypeObject *base_b)
{
    /* Owned. */
    mp_hidden *made = NULL;
    /* Borrowed. */
    PyTypeObject *hidden_b = NULL;

    mp_spin_lock(&table.lock);
    hidden_b = known_hidden(base_b);
    mp_spin_unlock(&table.lock);
    if (hidden_b != NULL) {
        goto done;
    }
    made = malloc(sizeof(*made));
    if (made == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    made->type = hidden_new(base_b);
    if (made->type == NULL) {
        free(made);
        goto done;
    }
    mp_spin_lock(&table.lock);
    hidden_b = known_hidden(base_b); /* another thread may have been faster */
    if (hidden_b == NULL) {
        hidden_b = made->type;
        made->next = hidden_types;
        hidden_types = made;
        made = NULL;
    }
    mp_spin_unlock(&table.lock);
    if (made != NULL) {
        Py_DECREF(made->type);
        free(made);
    }
done:
    return hidden_b;
}

/* ---- preparing a class ------------------------------------------------------------------- */

/* Raise TypeError if nothing can be put between the classes of Python and this base. */
static int
check_storage(PyTypeObject *type_b, PyTypeObject *base_b)
{
    int ret = MP_ERROR;

    if (PyType_HasFeature(base_b, Py_TPFLAGS_TYPE_SUBCLASS) || !Py_IS_TYPE(base_b, &PyType_Type)) {
        PyErr_Format(PyExc_TypeError,
                     "'%.100s' cannot gain slots while instances are alive: '%.100s' has or is a metaclass",
                     type_b->tp_name, base_b->tp_name);
        goto done;
    }
    if (base_b->tp_traverse != NULL && base_b->tp_traverse == of_python.traverse) {
        PyErr_Format(PyExc_TypeError,
                     "'%.100s' cannot gain slots while instances are alive: '%.100s' is written in C "
                     "and derives from Python",
                     type_b->tp_name, base_b->tp_name);
        goto done;
    }
    /* CPython frees what these have together with what the classes of Python have, and would stop at
     * the hidden class. */
    for (; base_b->tp_dealloc == of_python.dealloc; base_b = base_b->tp_base) {
        if (Py_SIZE(base_b) != 0 || base_b->tp_dictoffset != base_b->tp_base->tp_dictoffset ||
            base_b->tp_weaklistoffset != base_b->tp_base->tp_weaklistoffset) {
            PyErr_Format(PyExc_TypeError,
                         "'%.100s' cannot gain slots while instances are alive: '%.100s' is written "
                         "in C and stores Python objects",
                         type_b->tp_name, base_b->tp_name);
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

int
mp_slots_ensure(PyTypeObject *type)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyTypeObject *last_b = type, *hidden_b = NULL;
    /* Owned. */
    PyTypeObject *replaced = NULL;

    if (learn_of_python() < 0) {
        goto done;
    }
    if (!is_of_python(type)) {
        PyErr_Format(PyExc_TypeError, "'%.100s' cannot gain slots: it is written in C", type->tp_name);
        goto done;
    }
    if (mp_slots_has_hidden(type)) {
        ret = MP_OK;
        goto done;
    }
    while (is_of_python(last_b->tp_base)) {
        last_b = last_b->tp_base;
    }
    if (check_storage(type, last_b->tp_base) < 0) {
        goto done;
    }
    hidden_b = hidden_above(last_b->tp_base);
    if (hidden_b == NULL) {
        goto done;
    }
    mp_stop_the_world();
    if (last_b->tp_base == hidden_b->tp_base) { /* else another thread was faster */
        replaced = last_b->tp_base;
        last_b->tp_base = (PyTypeObject *)Py_NewRef(hidden_b);
    }
    mp_start_the_world();
    Py_XDECREF(replaced);
    ret = MP_OK;
done:
    return ret;
}

/* A class and all that derive from it. */
static int
ensure_all(PyTypeObject *type)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *subclasses = NULL;

    if (mp_slots_ensure(type) < 0) {
        goto done;
    }
    /* Not through the class: its metaclass may have other ideas. */
    subclasses = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", type);
    if (subclasses == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses); i++) {
        if (ensure_all((PyTypeObject *)PyList_GET_ITEM(subclasses, i)) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    Py_XDECREF(subclasses);
    return ret;
}

/* ---- the descriptor ---------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *owner;    /* Owned. */
    PyObject *name;     /* Owned. */
    PyObject *qualname; /* Owned. */
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
    value = value_of(instance, self);
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
    mp_entry *entry = take(instance, (PyObject *)slot_b);

    if (entry == NULL) {
        PyErr_SetObject(PyExc_AttributeError, slot_b->name);
        goto done;
    }
    drop(entry);
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
    if (value == NULL) {
        ret = slot_delete((mp_slot *)self, instance);
        goto done;
    }
    old = exchange(instance, self, Py_NewRef(value));
    if (old != NULL) {
        Py_DECREF(old);
        ret = MP_OK;
        goto done;
    }
    Py_DECREF(value); /* `exchange` did not take it, and the caller has it */
    /* Its class may have come later and be laid out by a base that is not prepared. */
    if (!mp_slots_has_hidden(Py_TYPE(instance)) && mp_slots_ensure(Py_TYPE(instance)) < 0) {
        goto done;
    }
    ret = insert(instance, self, value);
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

PyObject *
mp_slots_new(PyObject *owner, PyObject *name)
{
    int ret = MP_ERROR;
    /* Owned. */
    mp_slot *slot = NULL;

    if (!PyType_Check(owner) || !PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "expected a class and a name");
        goto done;
    }
    if (PyType_Ready(&slot_type) < 0 || ensure_all((PyTypeObject *)owner) < 0) {
        goto done;
    }
    slot = PyObject_GC_New(mp_slot, &slot_type);
    if (slot == NULL) {
        goto done;
    }
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

/* ---- slots that are stored in instances --------------------------------------------------- */

PyObject *
mp_slots_own(PyObject *type, PyObject *name)
{
    PyObject *own = NULL;
    const char *sought = PyUnicode_AsUTF8(name);

    if (sought == NULL) {
        goto done;
    }
    if (!PyType_Check(type) || !PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE)) {
        PyErr_SetString(PyExc_TypeError, "expected a class that is written in Python");
        goto done;
    }
    /* The definitions lie in the class itself (type_new_slots, Objects/typeobject.c), so that a descriptor
     * of this class, which keeps it alive, may refer to them. */
    for (PyMemberDef *member_b = ((PyTypeObject *)type)->tp_members;
         member_b != NULL && member_b->name != NULL; member_b++) {
        if (strcmp(member_b->name, sought) == 0) {
            own = PyDescr_NewMember((PyTypeObject *)type, member_b);
            goto done;
        }
    }
    own = Py_NewRef(Py_None);
done:
    return own;
}
