"""The colours of all plots: Okabe and Ito's, which the colour-blind tell apart, and three greys."""

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
YELLOW = "#F0E442"
INK, MID, PALE = "#333333", "#777777", "#DDDDDD"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
