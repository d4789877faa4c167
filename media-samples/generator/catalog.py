"""The demo catalog: merchants, creators, products and what each clip tags.

All names are invented. Prices are integer minor units (cents).
"""

import json

from .catalog_products import PRODUCTS

MERCHANTS = [
    {"subject": "merchant-north", "display_name": "Northlight Home",
     "about": "Warm, useful things for kitchens, desks and reading corners."},
    {"subject": "merchant-kerb", "display_name": "Kerbside Supply",
     "about": "Gear for people who would rather walk, roll or ride."},
    {"subject": "merchant-ondine", "display_name": "Atelier Ondine",
     "about": "Small runs of things to wear, made to be repaired."},
    {"subject": "merchant-lumafold", "display_name": "Lumafold",
     "about": "Tools for listening, writing and thinking."},
]

CREATORS = [
    {"subject": "creator-mina", "handle": "mina.slowly", "display_name": "Mina Halvard"},
    {"subject": "creator-jonas", "handle": "rollswithjonas", "display_name": "Jonas Teko"},
    {"subject": "creator-adaeze", "handle": "adaeze.athome", "display_name": "Adaeze Umber"},
    {"subject": "creator-leo", "handle": "leo.goes.out", "display_name": "Leo Vantongo"},
    {"subject": "creator-suri", "handle": "suri.styles", "display_name": "Suri Okland"},
]


def _tag(product, start_ms, end_ms, x, y, variant_sku=None):
    return {"product": product, "variant_sku": variant_sku, "start_ms": start_ms,
            "end_ms": end_ms, "hotspot": {"x": x, "y": y}}


# clip: (creator, caption, tags); hotspots are fractions of the upright picture.
CLIP_TEXTS = {
    "mug": ("creator-mina", "First cup, no phone. Almost. #slowmorning #coffee #stoneware",
            [_tag("mug", 800, 8000, 0.44, 0.605, "MUG-SAND")]),
    "sneaker": ("creator-jonas", "Four moods, one bounce. Which one is yours? #sneakers #running",
                [_tag("sneaker", 2000, 6900, 0.44, 0.598)]),
    "lamp": ("creator-adaeze", "Blue hour outside, golden hour in here. #desksetup #journaling",
             [_tag("lamp", 1800, 9000, 0.52, 0.42, "LAMP-OCHRE"),
              _tag("notebook", 2600, 9000, 0.65, 0.70)]),
    "plant": ("creator-adaeze", "Three days in nine seconds. Be patient! #plants #growwithme",
              [_tag("plant", 600, 9200, 0.47, 0.665, "PLANT-TERRA")]),
    "headphones": ("creator-suri", "Forty hours and the room is gone. #music #headphones",
                   [_tag("headphones", 500, 7600, 0.225, 0.652, "PHONES-CREAM")]),
    "backpack": ("creator-leo", "Everything for two days, and it closes. #packlight #hiking",
                 [_tag("backpack", 500, 8600, 0.46, 0.62, "PACK-MARIGOLD"),
                  _tag("bottle", 2300, 5900, 0.175, 0.43, "BOTTLE-CLEAR"),
                  _tag("notebook", 2900, 6000, 0.745, 0.385)]),
    "watch": ("creator-suri", "Twelve hours in four seconds, then it stops at the best one. "
              "#watch #everydaycarry", [_tag("watch", 700, 7600, 0.46, 0.5625, "WATCH-STEEL")]),
    "sunglasses": ("creator-leo", "Sea you soon. #beach #sunset #sunglasses",
                   [_tag("sunglasses", 1400, 8000, 0.275, 0.66)]),
    "skateboard": ("creator-jonas", "Took the long way. Twice. #skateboarding #sunset #cityride",
                   [_tag("skateboard", 3200, 5900, 0.44, 0.689)]),
    "kettle": ("creator-mina", "Wait for the lid to dance. #teatime #kitchen",
               [_tag("kettle", 600, 9000, 0.47, 0.57, "KETTLE-TEAL"),
                _tag("mug", 3000, 9000, 0.797, 0.665, "MUG-INK")]),
    "candle": ("creator-adaeze", "Lights low, phone face down (after this one). #cosy #candle",
               [_tag("candle", 2600, 8000, 0.46, 0.60, "CANDLE-AMBER")]),
    "armchair": ("creator-mina", "A whole day in my favourite corner, cat included. "
                 "#readingnook #interior #catsofhome",
                 [_tag("armchair", 600, 11500, 0.36, 0.47, "CHAIR-RUST"),
                  _tag("stool", 2500, 11500, 0.815, 0.612)]),
    "bottle": ("creator-leo", "Your reminder. #hydrate #refill #citrus",
               [_tag("bottle", 800, 8000, 0.458, 0.58, "BOTTLE-CLEAR")]),
    "scarf": ("creator-suri", "He wears it better than I do. #firstsnow #knitwear #winter",
              [_tag("scarf", 1600, 8600, 0.43, 0.595, "SCARF-BERRY"),
               _tag("beanie", 2800, 8600, 0.43, 0.39, "BEANIE-BERRY")]),
}


def build():
    """The whole catalog as plain data."""
    clips = [
        {"file": f"clips/{name}.mp4", "creator": creator, "caption": text, "product_tags": tags}
        for name, (creator, text, tags) in CLIP_TEXTS.items()
    ]
    return {"merchants": MERCHANTS, "creators": CREATORS, "products": PRODUCTS, "clips": clips}


def write_catalog(path):
    """Write catalog.json."""
    path.write_text(json.dumps(build(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
