"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

from .alarms import delay as delay
from .alarms import forms as forms
from .alarms import quiet as quiet
from .tables import false_alarm as false_alarm
from .tables import network as network
from .tables import perceptron as perceptron
